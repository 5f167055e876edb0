import { readFileSync } from "node:fs";
import { parsePublicKeyFile } from "../../keys/publicKeyFile.ts";
import { parseImageName } from "../../oci/imageName.ts";
import type { PublicKey } from "../../tuf/key.ts";
import { goFileError, goQuote } from "../compat/goText.ts";
import { TrustClient } from "./client.ts";
import { collectionFailure, whileDoing } from "./failure.ts";
import type { Action, Invocation } from "./program.ts";
import { beginCollection, checkName, signerAddition, updateIfThere } from "./signers.ts";

/** `docker trust signer add --key FILE… NAME REPOSITORY…` */
export const signerAdd: Action = async (invocation) => {
  const { args, flags, ui, log } = invocation;
  const [name = "", ...repositories] = args;
  checkName("signer", name);
  if (name === "releases") throw new Error("releases is a reserved keyword, use a different signer name");
  const files = flags.strings("key");
  if (files.length === 0) throw new Error("path to a public key must be provided using the `--key` flag");
  const keys = files.map((file) => readPublicKey(file, (warning) => log.warning(warning)));
  const failed: string[] = [];
  for (const repository of repositories) {
    ui.print(`Adding signer "${name}" to ${repository}...\n`);
    try {
      await addSigner({ name, keys }, repository, invocation);
      ui.print(`Successfully added signer: ${name} to ${repository}\n\n`);
    } catch (error) {
      ui.note(`${(error as Error).message}\n`);
      failed.push(repository);
    }
  }
  if (failed.length > 0) throw new Error(`failed to add signer to: ${failed.join(", ")}`);
};

async function addSigner(
  { name, keys }: { readonly name: string; readonly keys: readonly PublicKey[] },
  repository: string,
  invocation: Invocation,
): Promise<void> {
  const client = new TrustClient(invocation);
  await client.withCollection(parseImageName(repository), "pull,push", async (collection) => {
    try {
      if ((await updateIfThere(collection)) === undefined) {
        invocation.ui.print(`Initializing signed repository for ${repository}...\n`);
        await beginCollection(collection, client);
        invocation.ui.print(`Successfully initialized ${goQuote(repository)}\n`);
      }
    } catch (error) {
      throw collectionFailure(repository, error);
    }
    await collection.publishChanges(signerAddition(name, keys));
  });
}

function readPublicKey(file: string, warn: (warning: string) => void): PublicKey {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const operation = (error as NodeJS.ErrnoException).syscall ?? "open";
    throw new Error(`unable to read public key from file: ${goFileError(operation, file, error)}`, { cause: error });
  }
  try {
    const { key, warnings } = parsePublicKeyFile(bytes, new Date());
    warnings.forEach(warn);
    return key;
  } catch (error) {
    throw whileDoing(`could not parse public key from file: ${file}`, error);
  }
}
