import { readFileSync } from "node:fs";
import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import type { CompatLog } from "../compat/log.ts";
import { parsePublicKeyFile } from "../../keys/publicKeyFile.ts";
import { canonicalKeyId } from "../../tuf/key.ts";
import type { PublicKey } from "../../tuf/key.ts";
import { NotaryClient } from "./client.ts";
import { pathsOf, shownPaths } from "./delegationPaths.ts";
import { publishIfAsked } from "./publish.ts";

/** `notary delegation add GUN ROLE [CERTIFICATE…] [--paths P,… | --all-paths]` */
export const delegationAdd: Action = async (invocation) => {
  const { args, flags, log, ui } = invocation;
  const [gun, role, ...files] = args;
  const paths = pathsOf(flags);
  if (gun === undefined || role === undefined || (files.length === 0 && paths === undefined)) {
    throw new UsageMistake(
      "must specify the Global Unique Name and the role of the delegation along with the public key certificate paths and/or a list of paths to add",
      { showsUsage: true },
    );
  }
  const client = new NotaryClient(invocation);
  const keys = files.map((file) => readPublicKey(file, log));
  const collection = await client.collection(gun, "offline");
  await collection.addDelegation(role, keys, paths ?? []).catch((error: Error) => {
    throw new Error(`failed to create delegation: ${error.message}`, { cause: error });
  });
  const parts = [
    ...(keys.length > 0 ? [`with keys [${keys.map(canonicalKeyId).join(" ")}], `] : []),
    ...(paths === undefined ? [] : [`with paths [${shownPaths(paths).join("\n")}], `]),
  ];
  ui.print(
    `\nAddition of delegation role ${role} ${parts.join("")}to repository "${gun}" staged for next publish.\n\n`,
  );
  await publishIfAsked(invocation, client, gun);
};

function readPublicKey(file: string, log: CompatLog): PublicKey {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const trouble = missing ? "file for public key does not exist" : "unable to read public key from file";
    throw new Error(`${trouble}: ${file}`, { cause: error });
  }
  try {
    const { key, warnings } = parsePublicKeyFile(bytes, new Date());
    for (const warning of warnings) log.warning(warning);
    return key;
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`unable to parse valid public key certificate from PEM file ${file}: ${message}`, { cause: error });
  }
}
