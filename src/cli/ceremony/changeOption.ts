import { readFileSync } from "node:fs";
import { parsePublicKeyFile } from "../../keys/publicKeyFile.ts";
import type { CeremonyChange } from "../../trust/ceremonyChange.ts";
import { decodeHex } from "../../tuf/encoding.ts";
import { CountersignError } from "../../tuf/error.ts";
import type { FileMeta } from "../../tuf/hash.ts";
import type { PublicKey } from "../../tuf/key.ts";
import { isDelegation } from "../../tuf/role.ts";
import { CliError } from "../errors.ts";
import type { Ui } from "../ui.ts";

export const changeHelp = `A CHANGE is one of
  ROLE:threshold=N                     so many of the role's keys have to sign from now on
  ROLE:add-key=FILE                    a key more: for root a certificate (countersign ceremony certificate), else a certificate or
                                       a public key (docker trust key generate); a delegation that does not exist is made. A new
                                       certificate for a key that root has takes the place of the old one
  ROLE:remove-key=ID                   a key less
  ROLE:renew                           the role as it is, signed anew, with a fresh expiry
  ROLE:add-target=NAME@sha256:HEX,SIZE a target (an image's tag, the digest and size of its manifest), new or moved
  ROLE:remove-target=NAME              a target less
  ROLE:add-path=BEGINNING              names that a delegation may speak for; a new one may for all, unless given some
  ROLE:remove-path=BEGINNING
  staged                               all changes staged with countersign notary add, remove, delegation add, …
where ROLE is root, targets or targets/NAME. Targets are not for root, paths are for delegations only.`;

const form = /^([a-z0-9_\-/]+):([a-z-]+)(?:=(.*))?$/s;
const target = /^(.+)@sha256:([0-9a-f]{64}),(\d{1,15})$/s;

/**
 * Reads what `--change` asks for.
 * @throws CliError CLI_USAGE
 */
export function readChange(text: string, now: Date, ui: Ui): CeremonyChange {
  if (text === "staged") return { kind: "staged" };
  const [, role = "", kind = "", value] = form.exec(text) ?? [];
  if (!(role === "root" || role === "targets" || isDelegation(role))) {
    throw wrong(text, "it is neither the word staged nor of the form ROLE:ACTION or ROLE:ACTION=VALUE");
  }
  if (kind === "renew" && value === undefined) return { kind, role };
  const given = value ?? "";
  if (given === "" && kind !== "add-path" && kind !== "remove-path") {
    throw wrong(text, "it lacks its value, or there is no such action");
  }
  switch (kind) {
    case "threshold":
      return { kind, role, threshold: readThreshold(text, given) };
    case "add-key":
      return { kind, role, key: readKey(given, now, ui) };
    case "remove-key":
      if (!/^[0-9a-f]{64}$/.test(given)) throw wrong(text, "a key ID has 64 hexadecimal digits in lower case");
      return { kind, role, keyId: given };
    case "add-path":
    case "remove-path":
      if (!isDelegation(role)) throw wrong(text, "only delegations have paths");
      return { kind, role, path: given };
    case "add-target":
    case "remove-target":
      if (role === "root") throw wrong(text, "root has no targets");
      return kind === "add-target" ? { kind, role, ...readTarget(text, given) } : { kind, role, name: given };
    default:
      throw wrong(text, `there is no action ${JSON.stringify(kind)}`);
  }
}

function readThreshold(text: string, value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value)) throw wrong(text, "a threshold is a number from 1 on");
  return Number(value);
}

function readTarget(text: string, value: string): { readonly name: string; readonly meta: FileMeta } {
  const [, name = "", digest = "", size = ""] = target.exec(value) ?? [];
  const sha256 = decodeHex(digest);
  if (name === "" || sha256 === undefined) throw wrong(text, "a target is written NAME@sha256:HEX,SIZE");
  return { name, meta: { length: Number(size), hashes: new Map([["sha256", sha256]]) } };
}

function readKey(path: string, now: Date, ui: Ui): PublicKey {
  try {
    const { key, warnings } = parsePublicKeyFile(readFileSync(path), now);
    warnings.forEach((text) => ui.warn(`${path}: ${text}`));
    return key;
  } catch (error) {
    const hint = error instanceof CountersignError ? error.hint : undefined;
    throw new CliError(
      "CLI_USAGE",
      `cannot use the key in ${path}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
        hint,
      },
    );
  }
}

function wrong(text: string, why: string): CliError {
  return new CliError("CLI_USAGE", `cannot understand the change ${JSON.stringify(text)}: ${why}`, {
    hint: "Run countersign ceremony start --help for what can be changed.",
  });
}
