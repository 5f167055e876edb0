/**
 * Notary metadata made by hand for tests that need it wrong in one place. Independent of src/: its canonical JSON, key IDs and
 * signatures are written down a second time here, so that an error in the product cannot hide in its own test data.
 */
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { makeCertificate } from "./certificates.ts";
import type { CertificateOptions } from "./certificates.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonMembers;
export interface JsonMembers {
  readonly [member: string]: Json;
}

/** A value that must be an object: the test data is built wrongly otherwise. */
export function asMembers(value: Json | undefined): JsonMembers {
  if (typeof value !== "object" || value === null || isList(value)) {
    throw new Error(`not an object: ${JSON.stringify(value)}`);
  }
  return value;
}

export function asList(value: Json | undefined): readonly Json[] {
  if (value === undefined || !isList(value)) {
    throw new Error(`not a list: ${JSON.stringify(value)}`);
  }
  return value;
}

export function asText(value: Json | undefined): string {
  if (typeof value !== "string") {
    throw new Error(`not a text: ${JSON.stringify(value)}`);
  }
  return value;
}

export function parseMembers(text: string): JsonMembers {
  const value: Json = JSON.parse(text);
  return asMembers(value);
}

export function without(members: JsonMembers, ...names: readonly string[]): JsonMembers {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
}

export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** A key as metadata names it, and what signs with it (absent for keys the server holds). */
export interface TestKey {
  readonly id: string;
  readonly json: JsonMembers;
  readonly sign?: (message: Uint8Array) => { readonly method: string; readonly sig: Uint8Array };
}

/** OLPC canonical JSON of values whose member names are ASCII. */
export function canonical(value: Json): string {
  if (typeof value === "string") return `"${value.replace(/["\\]/g, "\\$&")}"`;
  if (value === null || typeof value !== "object") return String(value);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${canonical(name)}:${canonical(value[name] ?? null)}`).join(",")}}`;
}

/** A key the server holds, from the answer of `GET …/timestamp.key`. */
export function keyNamed(keytype: string, base64: string): TestKey {
  const json = { keytype, keyval: { private: null, public: base64 } };
  return { id: createHash("sha256").update(canonical(json)).digest("hex"), json };
}

export function ecdsaKey(namedCurve = "P-256"): TestKey & { readonly private: KeyObject } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve });
  return { ...keyNamed("ecdsa", spki(privateKey)), sign: ecdsaSigner(privateKey), private: privateKey };
}

export function ed25519Key(): TestKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(spki(privateKey), "base64").subarray(-32);
  return {
    ...keyNamed("ed25519", raw.toString("base64")),
    sign: (message) => ({ method: "eddsa", sig: sign(null, message, privateKey) }),
  };
}

export function rsaKey(modulusLength = 2048, method: "rsapss" | "rsapkcs1v15" = "rsapss"): TestKey {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength });
  return { ...keyNamed("rsa", spki(privateKey)), sign: rsaSigner(privateKey, method) };
}

export interface CertificateKeyOptions extends Partial<Omit<CertificateOptions, "commonName" | "key">> {
  readonly type?: "ecdsa" | "rsa";
  readonly curve?: string;
  readonly modulusLength?: number;
  /** A private key to be certified, instead of a new one. */
  readonly key?: KeyObject;
  /** What becomes of the certificate before it is put into the key. */
  readonly bundle?: (certificate: string) => string;
  readonly keytype?: string;
}

/** A root (or delegation) key: the public value is the PEM of a certificate for `commonName`. */
export function certificateKey(commonName: string, options: CertificateKeyOptions = {}): TestKey {
  const { type = "ecdsa", curve: namedCurve = "P-256", modulusLength = 2048, bundle = (text) => text } = options;
  const key =
    options.key ??
    (type === "ecdsa"
      ? generateKeyPairSync("ec", { namedCurve }).privateKey
      : generateKeyPairSync("rsa", { modulusLength }).privateKey);
  const text = bundle(makeCertificate({ ...options, commonName, key }));
  return {
    ...keyNamed(options.keytype ?? `${type}-x509`, Buffer.from(text).toString("base64")),
    sign: type === "ecdsa" ? ecdsaSigner(key) : rsaSigner(key, "rsapss"),
  };
}

/** `{"signed":…,"signatures":[…]}` with one signature of each key, in the bytes Notary's clients would write. */
export function signedFile(signed: Json, keys: readonly TestKey[]): string {
  const message = Buffer.from(canonical(signed));
  return `{"signed":${fileForm(message.toString())},"signatures":${canonical(signaturesOver(message, keys))}}`;
}

export function signaturesOver(message: Uint8Array, keys: readonly TestKey[]): JsonMembers[] {
  return keys.map((key) => {
    if (key.sign === undefined) throw new Error(`the server holds key ${key.id}`);
    const { method, sig } = key.sign(message);
    return { keyid: key.id, method, sig: Buffer.from(sig).toString("base64") };
  });
}

/** Whether the file's first signature is one of `key` (an ECDSA key) over its canonical form. */
export function isSignedBy(file: string, key: TestKey): boolean {
  const { signed = null, signatures } = parseMembers(file);
  const { keyid, sig } = asMembers(asList(signatures)[0]);
  const publicValue = Buffer.from(asText(asMembers(key.json["keyval"])["public"]), "base64");
  const publicKey = createPublicKey({ key: publicValue, format: "der", type: "spki" });
  const signature = Buffer.from(asText(sig), "base64");
  return (
    keyid === key.id &&
    verify("sha256", Buffer.from(canonical(signed)), { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)
  );
}

export function fileMeta(file: string): JsonMembers {
  const hash = (name: string): string => createHash(name).update(file).digest("base64");
  return { hashes: { sha256: hash("sha256"), sha512: hash("sha512") }, length: Buffer.byteLength(file) };
}

export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Writers escape these inside strings of the file, never in what is signed. */
function fileForm(text: string): string {
  return text.replace(/[<>&\u2028\u2029]|\p{Cc}/gu, (mark) => {
    return `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function spki(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64");
}

function ecdsaSigner(key: KeyObject): NonNullable<TestKey["sign"]> {
  return (message) => ({ method: "ecdsa", sig: sign("sha256", message, { key, dsaEncoding: "ieee-p1363" }) });
}

function rsaSigner(key: KeyObject, method: "rsapss" | "rsapkcs1v15"): NonNullable<TestKey["sign"]> {
  // RSA_PKCS1_PADDING and RSA_PKCS1_PSS_PADDING of node:crypto's constants.
  return (message) => ({
    method,
    sig: sign("sha256", message, method === "rsapss" ? { key, padding: 6, saltLength: 32 } : { key, padding: 1 }),
  });
}
