import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { derBitString, derInteger, derNull, derOid, derSequence } from "./derWriter.ts";
import { publicKey, type PublicKey } from "./key.ts";
import { canVerify, keyMaterial } from "./verificationKey.ts";

function spkiOf(type: "ec" | "rsa", options: { namedCurve?: string; modulusLength?: number }): Uint8Array {
  const pair =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: options.namedCurve ?? "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: options.modulusLength ?? 2048 });
  return pair.publicKey.export({ format: "der", type: "spki" });
}

function rsaOfLength(bytes: number): Uint8Array {
  const key = derSequence(derInteger(Buffer.alloc(bytes, 0xff)), derInteger(65_537));
  return derSequence(derSequence(derOid("1.2.840.113549.1.1.1"), derNull()), derBitString(key));
}

test("only keys on the known curves, and RSA keys that are neither short nor endless, can verify", () => {
  const ed25519 = Buffer.from(generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const cases: readonly (readonly [type: string, bytes: Uint8Array, usable: boolean])[] = [
    ["ecdsa", spkiOf("ec", { namedCurve: "P-256" }), true],
    ["ecdsa", spkiOf("ec", { namedCurve: "P-384" }), true],
    ["ecdsa", spkiOf("ec", { namedCurve: "P-521" }), true],
    ["ecdsa", spkiOf("ec", { namedCurve: "P-224" }), false],
    ["ecdsa", spkiOf("rsa", {}), false],
    ["ed25519", ed25519, true],
    ["ed25519", ed25519.subarray(1), false],
    ["rsa", spkiOf("rsa", { modulusLength: 2048 }), true],
    ["rsa", spkiOf("rsa", { modulusLength: 1024 }), false],
    ["rsa", rsaOfLength(2048), true],
    ["rsa", rsaOfLength(16_000), false],
    ["dsa", spkiOf("ec", {}), false],
    ["constructor", spkiOf("ec", {}), false],
  ];
  for (const [type, bytes, usable] of cases) assert.equal(canVerify(publicKey(type, bytes)), usable, type);
});

test("what large keys are made of is not kept", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  const megabytes = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const large = (index: number): PublicKey[] => [
    { type: Buffer.alloc(8_000_000 + index, "x").toString(), bytes: Buffer.alloc(1), id: "" },
    { type: "rsa", bytes: rsaOfLength(8_000_000 + index), id: "" },
  ];
  const before = megabytes();
  for (let index = 0; index < 10; index++) large(index).forEach(keyMaterial);
  const kept = megabytes() - before;
  assert.ok(kept < 20, `${kept} MB`);
});
