import { parseImageName } from "../../oci/imageName.ts";
import { targetRemoval } from "../../trust/change.ts";
import type { Change } from "../../trust/change.ts";
import { releasesRole } from "../../trust/inspect.ts";
import { signableRoles } from "../../trust/signImage.ts";
import type { VerifiedCollection } from "../../trust/verifiedCollection.ts";
import { TrustClient } from "./client.ts";
import { confirmed } from "./confirm.ts";
import { whileDoing } from "./failure.ts";
import type { Action } from "./program.ts";
import { heldKeys } from "./signers.ts";

/** Where released tags are looked for. */
const releaseRoles = [releasesRole, "targets"];

/** `docker trust revoke IMAGE[:TAG] [-y]`: takes one tag, or all, out of every role that can be signed here. */
export const revoke: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [name = ""] = args;
  const image = parseImageName(name);
  if (image.digest !== undefined) throw new Error("cannot use a digest reference for IMAGE:TAG");
  const question = `Confirm you would like to delete all signature data for ${name}?`;
  if (image.tag === undefined && !flags.bool("yes") && !(await confirmed(ui, question))) return;
  const client = new TrustClient(invocation);
  await client.withCollection(image, "pull,push", async (collection) => {
    try {
      const seen = await collection.update();
      await collection.publishChanges(removals(releasedTags(seen, image.tag), seen, await heldKeys(client)));
    } catch (error) {
      throw whileDoing(`could not remove signature for ${name}`, error);
    }
  });
  ui.print(`Successfully deleted signature for ${name}\n`);
};

function releasedTags(seen: VerifiedCollection, tag: string | undefined): string[] {
  if (tag !== undefined) return [seen.findTarget(tag, releaseRoles).name];
  const tags = seen.listTargets(releaseRoles).map((target) => target.name);
  if (tags.length === 0) throw new Error("no signed tags to remove");
  return tags;
}

function removals(tags: readonly string[], seen: VerifiedCollection, held: ReadonlySet<string>): Change[] {
  return tags.flatMap((tag) => signableRoles(seen, tag, held).map((role) => targetRemoval(role, tag)));
}
