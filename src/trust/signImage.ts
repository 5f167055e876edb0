import { decodeHex, encodeHex } from "../tuf/encoding.ts";
import { pathsAllow } from "../tuf/delegationPaths.ts";
import { findAllTargets, listDelegations } from "../tuf/delegationWalk.ts";
import type { OpenCollection } from "../tuf/edit.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { parentRole } from "../tuf/role.ts";
import { targetAddition } from "./change.ts";
import { replayChanges } from "./changeReplay.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { isReleaseRole, releasesRole } from "./inspect.ts";
import { publishEdit } from "./publish.ts";

/** What a tag is to stand for. */
export interface SignImageRequest {
  readonly tag: string;
  /** `sha256:<hex>` of the manifest or index. */
  readonly digest: string;
  /** Bytes of the manifest or index. */
  readonly size: number;
}

/** A tag that was signed and published. */
export interface SignedImage extends SignImageRequest {
  readonly gun: string;
  /** The roles that have signed it now. */
  readonly roles: readonly string[];
  /** Whether consumers take it: one of the roles is `targets` or `targets/releases`. */
  readonly released: boolean;
  /** What the tag was released as until now; undefined when it was not. */
  readonly previousDigest: string | undefined;
  /** Whether the collection had to be begun for it. */
  readonly initialized: boolean;
  /** IDs of the root keys, as pins name them. */
  readonly rootKeyIds: readonly string[];
}

/**
 * Signs an image as Docker does (client reference §7.2, §7.3) and publishes that: in every role that `signableRoles` finds. A
 * collection that nobody made yet is begun, with the first root key there is and the snapshot key on the trust server. What
 * is signed already just so is signed anew, so that it lasts longer.
 * @throws TrustError TRUST_DIGEST, TRUST_KEY_NOT_FOUND `no valid signing keys for delegation roles`; what publishing throws
 */
export async function signImage(context: CollectionContext, image: SignImageRequest): Promise<SignedImage> {
  const { gun, signers, warn } = context;
  const held = new Set((await context.keys.list()).map(({ id }) => id));
  const meta = { length: image.size, hashes: new Map([["sha256", sha256Of(image.digest)]]) };
  let result: Pick<SignedImage, "roles" | "previousDigest" | "rootKeyIds"> | undefined;
  const files = await publishEdit(
    context,
    async (editor, opened) => {
      const roles = signableRoles(opened, image.tag, held);
      result = {
        roles,
        previousDigest: releasedDigest(opened, image.tag),
        rootKeyIds: opened.root.body.roles.get("root")?.keyIds ?? [],
      };
      const additions = roles.map((role) => targetAddition(role, image.tag, meta));
      await replayChanges(editor, additions, { opened: opened.targets, signers, warn });
      const changed = editor.changedRoles;
      roles.filter((role) => !changed.includes(role)).forEach((role) => editor.witness(role));
    },
    { initialize: { serverManaged: ["snapshot"] } },
  );
  const { roles, ...rest } = result!; // Publishing has called the edit.
  return {
    gun,
    ...image,
    roles,
    released: roles.some(isReleaseRole),
    ...rest,
    initialized: files.get("root")?.version === 1,
  };
}

/**
 * The roles in which Docker signs a tag: `targets` where nothing is delegated; else each delegation directly below it that
 * may speak for the tag and lists a key that is held.
 * @param held canonical IDs of the private keys at hand
 * @throws TrustError TRUST_KEY_NOT_FOUND
 */
export function signableRoles(
  { targets }: Pick<OpenCollection, "targets">,
  tag: string,
  held: ReadonlySet<string>,
): readonly string[] {
  const delegations = listDelegations(targets);
  if (delegations.length === 0) {
    return ["targets"];
  }
  const candidates = delegations.filter(({ delegation: { name }, effectivePaths }) => {
    return parentRole(name) === "targets" && pathsAllow(effectivePaths, tag);
  });
  const roles = candidates
    .filter(({ keys }) => keys.some((key) => held.has(canonicalKeyId(key))))
    .map(({ delegation }) => delegation.name);
  if (roles.length === 0) {
    const owners = candidates.map(({ delegation, keys }) => {
      return `${delegation.name} (${keys.map(canonicalKeyId).join(", ")})`;
    });
    throw new TrustError("TRUST_KEY_NOT_FOUND", "no valid signing keys for delegation roles", {
      hint: `Sign where one of the keys is kept that may sign ${tag}: ${owners.join("; ") || "there is none"}.`,
    });
  }
  return roles;
}

function sha256Of(digest: string): Uint8Array {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  const bytes = hex === undefined ? undefined : decodeHex(hex);
  if (bytes === undefined) {
    throw new TrustError("TRUST_DIGEST", `${digest} cannot be signed: it is not a sha256 digest`);
  }
  return bytes;
}

function releasedDigest({ targets }: OpenCollection, tag: string): string | undefined {
  const released = findAllTargets(targets, tag).filter(({ role }) => isReleaseRole(role));
  const target = released.find(({ role }) => role === releasesRole) ?? released[0];
  const sha256 = target?.meta.hashes.get("sha256");
  return sha256 && `sha256:${encodeHex(sha256)}`;
}
