import type { ImageName } from "../oci/imageName.ts";
import { decideImage } from "../trust/decision.ts";
import type { Decision } from "../trust/decision.ts";
import { gunOfImage } from "../trust/gun.ts";
import { PinPolicy } from "../trust/pins.ts";
import type { Pin } from "../trust/pins.ts";
import { CliError } from "./errors.ts";
import { isUnpinned, lookForImage, updateForImage } from "./imageCollection.ts";
import type { ImageAccess } from "./imageCollection.ts";

/** The pin that holds for an image's collection, and for no other. */
export function pinsFor(image: ImageName, pin: Pin): PinPolicy {
  return PinPolicy.of({ rules: [{ gun: gunOfImage(image), pin }], otherwise: "none" });
}

/**
 * Decides which content an image stands for, on the newest state of its collection.
 * @throws CliError CLI_UNPINNED; what updating and deciding throw
 */
export async function decide(image: ImageName, pin: Pin, access: ImageAccess): Promise<Decision> {
  return await explainingUnpinned(image, access, async () => {
    return decideImage(await updateForImage(image, pinsFor(image, pin), access), image);
  });
}

/**
 * Does work on an image's collection. If that fails because nothing pins its root, the error says which key would have to be
 * pinned: that is worth asking the trust server once more.
 */
export async function explainingUnpinned<T>(image: ImageName, access: ImageAccess, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isUnpinned(cause)) throw cause;
    const { gun, root } = await lookForImage(image, access);
    const ids = root.body.roles.get("root")?.keyIds ?? [];
    throw new CliError("CLI_UNPINNED", `the root of ${gun} is not pinned and was never seen on this machine`, {
      hint: `The trust server presents the root key ${ids.join(", ")}. Compare it with the owner's, then pin it with --root-key ID; --first-use accept believes the server.`,
      cause,
    });
  }
}

/** Whose word it was, for people. */
export function describeSigners({ signers, role }: Decision): string {
  return `${signers.length > 0 ? signers.join(", ") : "the repository's own key"} (${role})`;
}
