import type { Action, Invocation } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";
import { readCertificateInput, readPrivateKeyInput, storeKey } from "./keyInput.ts";
import { publishIfAsked } from "./publish.ts";

/** `notary init GUN [--rootkey FILE] [--rootcert FILE] [-p]` */
export const init: Action = async (invocation) => {
  const { args, flags } = invocation;
  const [gun] = args;
  if (gun === undefined) throw new UsageMistake("Must specify a GUN", { showsUsage: true });
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "push,pull");
  const rootKeyId = await chooseRootKey(invocation, client);
  const certificate = flags.string("rootcert");
  // A certificate without `--rootkey` says itself which key of the store is meant.
  const rootKeyIds =
    rootKeyId === undefined || (certificate !== "" && flags.string("rootkey") === "") ? [] : [rootKeyId];
  await collection.init({
    rootKeyIds,
    ...(certificate !== "" && { rootCertificates: [readCertificateInput(certificate)] }),
  });
  await publishIfAsked(invocation, client, gun);
};

/** The key of `--rootkey`, taken into the store, or the first root key there is; undefined lets a new one be made. */
async function chooseRootKey({ flags, ui }: Invocation, client: NotaryClient): Promise<string | undefined> {
  const file = flags.string("rootkey");
  let id: string | undefined;
  if (file === "") {
    id = (await client.keyRing.list()).find(({ role }) => role === "root")?.id;
  } else {
    const key = await readPrivateKeyInput(file, "root", client.passphrases);
    id = await storeKey(client, key, { role: "root" });
  }
  if (id !== undefined) ui.print(`Root key found, using: ${id}\n`);
  return id;
}
