import { TufError } from "./errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/*
 * Typed readers for the members of parsed metadata. `what` names the member in the error, e.g. `the keyval of key 8f6f…`.
 * All throw TufError TUF_MALFORMED.
 */

export function asObject(value: JsonValue | undefined, what: string): JsonObject {
  return isJsonObject(value) ? value : wrong(what, "an object", value);
}

export function asString(value: JsonValue | undefined, what: string): string {
  return typeof value === "string" ? value : wrong(what, "a string", value);
}

/** An integer within ±(2^53 − 1). */
export function asInteger(value: JsonValue | undefined, what: string): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : wrong(what, "an integer", value);
}

export function asBoolean(value: JsonValue | undefined, what: string): boolean {
  return typeof value === "boolean" ? value : wrong(what, "true or false", value);
}

export function asArray(value: JsonValue | undefined, what: string): readonly JsonValue[] {
  return Array.isArray(value) ? value : wrong(what, "an array", value);
}

export function asStrings(value: JsonValue | undefined, what: string): readonly string[] {
  return asArray(value, what).map((item) => asString(item, `each item of ${what}`));
}

function wrong(what: string, expected: string, found: JsonValue | undefined): never {
  throw new TufError("TUF_MALFORMED", `${what} must be ${expected}, not ${nameOf(found)}`);
}

function nameOf(value: JsonValue | undefined): string {
  if (value === undefined) {
    return "missing";
  }
  if (value === null) {
    return "null";
  }
  return Array.isArray(value) ? "an array" : isJsonObject(value) ? "an object" : `a ${typeof value}`;
}
