import type { Collection } from "../../trust/collection.ts";
import { parseImageName } from "../../oci/imageName.ts";
import type { ImageName } from "../../oci/imageName.ts";
import { DockerConfig, dockerConfigDirectory } from "../../oci/dockerConfig.ts";
import { targetAddition } from "../../trust/change.ts";
import { inspectCollection, isReleaseRole } from "../../trust/inspect.ts";
import { signableRoles } from "../../trust/signImage.ts";
import type { VerifiedCollection } from "../../trust/verifiedCollection.ts";
import type { FileMeta } from "../../tuf/hash.ts";
import { invalidRole } from "../../tuf/metadata.ts";
import { TrustClient } from "./client.ts";
import { collectionFailure, whileDoing } from "./failure.ts";
import { findImage } from "./imageToSign.ts";
import type { ImageToSign } from "./imageToSign.ts";
import type { Action, Invocation } from "./program.ts";
import { beginCollection, heldKeys, ownSignerKey, signerAddition, updateIfThere } from "./signers.ts";

/** What a command line asks to be signed. */
interface Request {
  /** As typed. */
  readonly text: string;
  readonly image: ImageName;
  readonly tag: string;
  /** Repository and tag in full, as results are told. */
  readonly full: string;
}

/**
 * `docker trust sign IMAGE:TAG [--local]`: signs a released tag once more as it is, which is how several sign; else, or with
 * `--local`, pushes the engine's image and signs that. Begins a collection that is not there yet.
 */
export const sign: Action = async (invocation) => {
  const request = readRequest(invocation.args[0] ?? "");
  const image = findImage(request.image, request.text, invocation);
  const client = new TrustClient(invocation);
  const released = await client.withCollection(request.image, "pull,push", async (collection) => {
    const seen = await updateOrBegin(request, { collection, client, image, invocation });
    const target = seen.everyTarget(request.tag).find(({ role }) => isReleaseRole(role));
    if (target === undefined || invocation.flags.bool("local")) return false;
    invocation.ui.print(`Signing and pushing trust metadata for ${request.text}\n`);
    await publish(request, target.meta, {
      collection,
      client,
      seen,
      before: () => showSignatures(request, seen, invocation),
    });
    return true;
  });
  if (!released) await signPushed(request, image, invocation);
  invocation.ui.print(`Successfully signed ${request.full}\n`);
};

function readRequest(text: string): Request {
  const image = parseImageName(text);
  if (image.digest !== undefined) throw new Error("cannot use a digest reference for IMAGE:TAG");
  if (image.tag === undefined) throw new Error(`no tag specified for ${text}`);
  return { text, image, tag: image.tag, full: `${image.domain}/${image.path}:${image.tag}` };
}

async function updateOrBegin(
  { text, image: { domain, path } }: Request,
  {
    collection,
    client,
    image,
    invocation: { ui },
  }: {
    readonly collection: Collection;
    readonly client: TrustClient;
    readonly image: ImageToSign;
    readonly invocation: Invocation;
  },
): Promise<VerifiedCollection> {
  const name = `${domain}/${path}`;
  try {
    const seen = await updateIfThere(collection);
    if (seen !== undefined) return seen;
  } catch (error) {
    throw collectionFailure(name, error);
  }
  await image.require();
  const signer = await loginName(domain);
  try {
    // Docker finds out only after it has made the other keys.
    if (signer === "") {
      throw whileDoing("could not add signer to repo: targets", invalidRole("targets", "invalid delegation role name"));
    }
    await beginCollection(collection, client);
    await collection.publishChanges(signerAddition(signer, [await ownSignerKey(signer, client)]));
  } catch (error) {
    throw collectionFailure(name, error);
  }
  ui.print(`Created signer: ${signer}\nFinished initializing signed repository for ${text}\n`);
  return await collection.update();
}

/** Who is logged in to the registry: the first signer of a new collection is called so. */
async function loginName(domain: string): Promise<string> {
  const credentials = await (await DockerConfig.load(dockerConfigDirectory())).credentials(domain);
  return credentials !== undefined && "username" in credentials ? (credentials.username ?? "") : "";
}

/** Pushes, then signs what was pushed. As in Docker that is a second conversation: passphrases are asked for anew. */
async function signPushed(request: Request, image: ImageToSign, invocation: Invocation): Promise<void> {
  await image.require();
  const meta = await image.push();
  invocation.ui.print("Signing and pushing trust metadata\n");
  const client = new TrustClient(invocation);
  await client.withCollection(request.image, "pull,push", async (collection) => {
    const seen = await collection.update().catch((error: unknown) => {
      throw collectionFailure(`${request.image.domain}/${request.image.path}`, error);
    });
    await publish(request, meta, { collection, client, seen });
  });
}

async function publish(
  { full, tag }: Request,
  { length, hashes }: FileMeta,
  {
    collection,
    client,
    seen,
    before = () => {},
  }: {
    readonly collection: Collection;
    readonly client: TrustClient;
    readonly seen: VerifiedCollection;
    readonly before?: () => void;
  },
): Promise<void> {
  try {
    const roles = signableRoles(seen, tag, await heldKeys(client));
    before();
    await collection.publishChanges(roles.map((role) => targetAddition(role, tag, { length, hashes })));
  } catch (error) {
    throw whileDoing(`failed to sign ${full}`, error);
  }
}

function showSignatures({ text, tag }: Request, seen: VerifiedCollection, { ui }: Invocation): void {
  const [signed] = inspectCollection(seen, { name: text, tag }).signedTags;
  if (signed === undefined) return;
  const signers = signed.signers.toSorted().join(", ");
  ui.print(`Existing signatures for tag ${tag} digest ${signed.digest} from:\n${signers}\n`);
}
