import { generateKeyPairSync } from "node:crypto";
import { keyCustodyContract } from "../../test/contracts/keyCustody.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { generateKey } from "./generate.ts";
import { KeyStore } from "./keyStore.ts";
import { fixedPassphrase } from "./passphrase.ts";
import { privateKeyFrom } from "./privateKey.ts";

keyCustodyContract("encrypted files", async (t) => {
  const custody = new KeyStore(temporaryDirectory(t));
  const passphrases = fixedPassphrase("a passphrase");
  const made = {
    root: generateKey("ecdsa"),
    alice: privateKeyFrom(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
    bob: generateKey("ed25519"),
    carol: privateKeyFrom(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey),
  };
  const keys: Record<string, { id: string; type: string }> = {};
  for (const [role, key] of Object.entries(made)) {
    await custody.add(key, { role }, passphrases);
    keys[role] = { id: key.publicKey.id, type: key.type };
  }
  await custody.close();
  return { custody, keys, passphrases };
});
