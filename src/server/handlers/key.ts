import { KeysError } from "../../keys/errors.ts";
import type { SigningService } from "../../keys/signingService.ts";
import { encodeKeyAnswer } from "../../notary/keyAnswer.ts";
import type { PublicKey } from "../../tuf/key.ts";
import { textAnswer } from "../answer.ts";
import { ServerError } from "../errors.ts";
import { heldKey } from "../heldKey.ts";
import type { MetadataReader } from "../metadataReader.ts";
import type { Handler, ServerContext } from "../serverContext.ts";
import { openStoredRoot } from "../storedRoot.ts";

/**
 * `GET snapshot.key`, `timestamp.key`: the first key of the role in the current root that the signing service holds. Without
 * a root, or when it holds none (the owner keeps the snapshot key), a key to be put into the next root.
 */
export const getKey: Handler<"getKey"> = async (context, { gun, role }) => {
  const signing = signingOf(context, gun);
  const held = await keyInUse(context.reader, signing, gun, role);
  return textAnswer(encodeKeyAnswer(held ?? (await createKey(context, signing, gun, role))));
};

/** `POST snapshot.key`, `timestamp.key`: a key to change to. It takes effect when a root naming it is published. */
export const rotateKey: Handler<"rotateKey"> = async (context, { gun, role }) => {
  const signing = signingOf(context, gun);
  return textAnswer(encodeKeyAnswer(await createKey(context, signing, gun, role)));
};

function signingOf({ signing, policy }: ServerContext, gun: string): SigningService {
  if (signing === undefined) {
    throw new ServerError("SERVER_NO_SIGNING_SERVICE", "this server has no signing service");
  }
  policy.checkLength(gun);
  return signing;
}

async function createKey(
  { config }: ServerContext,
  signing: SigningService,
  gun: string,
  role: string,
): Promise<PublicKey> {
  try {
    return await signing.createKey(gun, role, config.keyAlgorithm);
  } catch (cause) {
    if (cause instanceof KeysError && cause.code === "KEYS_ALGORITHM") {
      throw new ServerError("SERVER_KEY_ALGORITHM", cause.message, { cause, detail: cause.message });
    }
    throw cause;
  }
}

async function keyInUse(
  reader: MetadataReader,
  signing: SigningService,
  gun: string,
  role: string,
): Promise<PublicKey | undefined> {
  const file = await reader.current(gun, "root").catch(undefinedWhenAbsent);
  const root = file && openStoredRoot(file).body;
  for (const keyId of root?.roles.get(role)?.keyIds ?? []) {
    const held = await heldKey(signing, keyId, gun);
    if (held !== undefined) {
      return held;
    }
  }
  return undefined;
}

/** A collection whose snapshot row is missing has no current root, as far as the original is concerned. */
function undefinedWhenAbsent(error: unknown): undefined {
  if (!(error instanceof ServerError && error.code === "SERVER_NOT_FOUND")) {
    throw error;
  }
}
