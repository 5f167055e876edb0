import type { ValidationName } from "../notary/errors.ts";
import { isBaseRole } from "../tuf/role.ts";
import { TufError } from "../tuf/errors.ts";
import { invalidUpdate } from "./errors.ts";

/** Which of Notary's five names a fault in the file of `role` goes by. */
export function validationName(role: string): ValidationName {
  switch (role) {
    case "root":
      return "ErrBadRoot";
    case "snapshot":
      return "ErrBadSnapshot";
    default:
      return isBaseRole(role) && role !== "targets" ? "ErrValidation" : "ErrBadTargets";
  }
}

/**
 * Runs rules over the file of `role` and turns their refusal into the answer for the uploader; the rule's text is what
 * clients print.
 * @throws ServerError SERVER_INVALID_UPDATE for a TufError; anything else is thrown through
 */
export function judging<T>(role: string, rules: () => T): T {
  try {
    return rules();
  } catch (error) {
    if (error instanceof TufError) {
      throw invalidUpdate(validationName(role), error.message, { hint: error.hint, cause: error });
    }
    throw error;
  }
}
