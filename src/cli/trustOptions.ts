import { statSync } from "node:fs";
import type { Pin } from "../trust/pins.ts";
import { CliError } from "./errors.ts";

/** The options of every command that asks a trust server: where it is, and what makes a root trusted. */
export const trustOptions = {
  "root-key": { type: "string", multiple: true },
  "root-file": { type: "string" },
  "first-use": { type: "string" },
  server: { type: "string" },
} as const;

export const trustOptionsHelp = `  --root-key ID         trust only a root that has this key, or one of several when repeated
  --root-file FILE      trust only the root in this file, placed here beforehand, and roots that follow from it
  --first-use accept    trust what the server shows, if the collection has never been seen on this machine
  --server URL          the trust server. Default: DOCKER_CONTENT_TRUST_SERVER, else the registry's host`;

interface PinValues {
  readonly "root-key"?: string[] | undefined;
  readonly "root-file"?: string | undefined;
  readonly "first-use"?: string | undefined;
}

/** The pin that the options name; none without any. @throws CliError CLI_USAGE */
export function readPin(values: PinValues): Pin {
  const { "root-key": ids, "root-file": file, "first-use": firstUse } = values;
  const given = [ids, file, firstUse].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw new CliError("CLI_USAGE", "only one of --root-key, --root-file and --first-use can say what to trust");
  }
  if (firstUse !== undefined && firstUse !== "accept") {
    throw new CliError("CLI_USAGE", `--first-use takes only the word accept, not ${JSON.stringify(firstUse)}`);
  }
  const badId = ids?.find((id) => !/^[0-9a-f]{64}$/.test(id));
  if (badId !== undefined) {
    throw new CliError("CLI_USAGE", `${JSON.stringify(badId)} is not a key ID: 64 hexadecimal digits in lower case`);
  }
  if (ids) return { kind: "keys", ids };
  if (file !== undefined) return { kind: "rootFile", path: existingFile(file) };
  return { kind: firstUse === undefined ? "none" : "firstUse" };
}

/** Refuses a `--server` that is no address. @throws CliError CLI_USAGE */
export function checkServer(url: string | undefined): void {
  if (url === undefined || /^https?:$/.test(URL.parse(url)?.protocol ?? "")) return;
  throw new CliError("CLI_USAGE", `--server takes an address such as https://registry.example, not ${url}`);
}

function existingFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  throw new CliError("CLI_USAGE", `there is no root file ${path}`, {
    hint: "Name a root.json that the owner of the images has given you.",
  });
}
