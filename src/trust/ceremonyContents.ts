import type { Root, Targets } from "../tuf/metadata.ts";
import { proposedRoles, type CeremonyProposal, type ProposedRole } from "./ceremonyProposal.ts";
import { describeMeta, describeRoleKeys, shownName } from "./ceremonySummary.ts";

/**
 * All that is to be signed, whether or not it is new: for a signer who cannot tell whether the state before is the true one. Against
 * a state made up for the purpose, a summary of changes could keep silent about just what matters.
 */
export function describeContents(proposal: CeremonyProposal): string[] {
  return proposedRoles(proposal).flatMap(({ file }: ProposedRole) => {
    const { role, version, body } = file;
    const lines = body.type === "root" ? wholeRoot(body) : wholeTargets(body);
    return [`${role}: version ${version} as a whole`, ...lines.map((line) => `  ${line}`)];
  });
}

function wholeRoot({ roles, keys }: Root): string[] {
  return [...roles].flatMap(([name, role]) => describeRoleKeys(name, role, keys));
}

function wholeTargets({ targets, delegations }: Targets): string[] {
  return [
    ...[...targets].map(([name, meta]) => `${shownName(name)}: ${describeMeta(meta)}`),
    ...delegations.roles.flatMap((role) => [
      `delegates to ${role.name} for names that begin with ${role.paths.map(shownName).join(", ") || "nothing"}`,
      ...describeRoleKeys(role.name, role, delegations.keys),
    ]),
    ...(targets.size === 0 && delegations.roles.length === 0 ? ["nothing"] : []),
  ];
}
