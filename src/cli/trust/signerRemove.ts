import { parseImageName } from "../../oci/imageName.ts";
import { delegationKeysRemoval, delegationRemoval } from "../../trust/change.ts";
import { releasesRole } from "../../trust/inspect.ts";
import type { VerifiedCollection } from "../../trust/verifiedCollection.ts";
import { TrustClient } from "./client.ts";
import { confirmed } from "./confirm.ts";
import { whileDoing } from "./failure.ts";
import type { Action, Invocation } from "./program.ts";
import { signerRole } from "./signers.ts";

/** `docker trust signer remove NAME REPOSITORY… [-f]` */
export const signerRemove: Action = async (invocation) => {
  const { args, ui } = invocation;
  const [name = "", ...repositories] = args;
  const failed: string[] = [];
  for (const repository of repositories) {
    ui.print(`Removing signer "${name}" from ${repository}...\n`);
    try {
      await removeSigner(name, repository, invocation);
    } catch (error) {
      ui.note(`${(error as Error).message}\n`);
      failed.push(repository);
    }
  }
  if (failed.length > 0) throw new Error(`error removing signer from: ${failed.join(", ")}`);
};

/**
 * Asks only before the last released version would lose the signature that makes it valid. Docker's command line from 26.0 on
 * removes nobody but such a signer, and nobody with `--force`; here, as before, everybody is removed.
 */
async function removeSigner(name: string, repository: string, invocation: Invocation): Promise<void> {
  const { flags, ui } = invocation;
  const image = parseImageName(repository);
  const role = signerRole(name);
  if (role === releasesRole) throw new Error("releases is a reserved keyword and cannot be removed");
  const client = new TrustClient(invocation);
  await client.withCollection(image, "pull,push", async (collection) => {
    const seen = await collection.update().catch((error: unknown) => {
      throw whileDoing(`error retrieving signers for ${repository}`, error);
    });
    const signer = seen.delegations().find((delegation) => delegation.name === role);
    if (signer === undefined) throw new Error(`no signer ${name} for repository ${repository}`);
    if (isLastSigner(role, seen) && !flags.bool("force")) {
      const question = `The signer "${name}" signed the last released version of ${repository}. Removing this signer will make ${repository} unpullable. Are you sure you want to continue?`;
      if (!(await confirmed(ui, question))) return;
    }
    await collection.publishChanges([delegationKeysRemoval(releasesRole, signer.keyIds), delegationRemoval(role)]);
    ui.print(`Successfully removed ${name} from ${repository}\n\n`);
  });
}

/** Whether `targets/releases` would have too few signatures without those of this role's keys. */
function isLastSigner(role: string, seen: VerifiedCollection): boolean {
  const roles = seen.roles();
  const releases = roles.find(({ name }) => name === releasesRole);
  const keyIds = roles.find(({ name }) => name === role)?.keyIds ?? [];
  if (releases === undefined || releases.signatures.length === 0) {
    throw new Error("all signed tags are currently revoked, use docker trust sign to fix");
  }
  const left = releases.signatures.filter((signature) => !keyIds.includes(signature.keyId));
  return left.length < releases.threshold;
}
