import { generateKeyPairSync } from "node:crypto";
import { privateKeyFrom, type PrivateKey, type PrivateKeyType } from "./privateKey.ts";

/** Bits of a new RSA key. Notary makes none; this is what its documentation asked of imported root keys. */
const rsaBits = 4096;

/** A new private key: ECDSA on P-256 as Notary makes them, Ed25519, or RSA with 4096 bits (which takes about a second). */
export function generateKey(algorithm: PrivateKeyType): PrivateKey {
  switch (algorithm) {
    case "ecdsa":
      return privateKeyFrom(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    case "ed25519":
      return privateKeyFrom(generateKeyPairSync("ed25519").privateKey);
    case "rsa":
      return privateKeyFrom(generateKeyPairSync("rsa", { modulusLength: rsaBits }).privateKey);
  }
}
