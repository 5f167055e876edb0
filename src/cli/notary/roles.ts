import { isDelegation } from "../../tuf/role.ts";
import { invalidRole } from "../../tuf/metadata.ts";
import type { FlagValues } from "../compat/flags.ts";

/** The roles of `--roles`, `targets` by default. */
export function rolesOf(flags: FlagValues): readonly string[] {
  const roles = flags.strings("roles");
  return roles.length === 0 ? ["targets"] : roles;
}

/**
 * The roles a change of a target is made in.
 * @throws TufError TUF_INVALID_ROLE for a role that holds no targets
 */
export function targetRolesOf(flags: FlagValues): readonly string[] {
  const roles = rolesOf(flags);
  const unfit = roles.find((role) => role !== "targets" && !isDelegation(role));
  if (unfit !== undefined) throw invalidRole(unfit, "cannot add targets to this role");
  return roles;
}
