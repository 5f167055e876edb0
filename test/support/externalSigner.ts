/**
 * A signer command as docs/keys.md describes it, for tests and as an example: `externalSigner.ts DIRECTORY`, where each
 * `<role>.pem` is a private key in clear. A real one would ask a key management service instead.
 */
import { createPrivateKey, createPublicKey, sign, constants, type KeyObject } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";

interface Request {
  readonly protocol: number;
  readonly operation: string;
  readonly key?: string;
  readonly scheme?: string;
  /** Base64. */
  readonly message?: string;
}

const directory = process.argv[2] ?? "";

function privateKey(name: string): KeyObject {
  return createPrivateKey(readFileSync(join(directory, basename(name))));
}

function list(): object {
  const keys = readdirSync(directory).map((name) => ({
    key: name,
    public: createPublicKey(privateKey(name)).export({ format: "der", type: "spki" }).toString("base64"),
    role: basename(name, ".pem"),
  }));
  return { protocol: 1, keys };
}

function signature({ key: name = "", scheme = "", message = "" }: Request): object {
  const key = privateKey(name);
  const bytes = Buffer.from(message, "base64");
  const signing: Readonly<Record<string, () => Buffer>> = {
    "ecdsa-sha256": () => sign("sha256", bytes, key), // In DER, as key services give it.
    "rsapss-sha256-salt32": () =>
      sign("sha256", bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    "rsapkcs1v15-sha256": () => sign("sha256", bytes, key),
    ed25519: () => sign(null, bytes, key),
  };
  return { protocol: 1, signature: signing[scheme]?.().toString("base64") };
}

function answer(request: Request): object {
  if (request.protocol !== 1) return { protocol: 1, error: { code: "protocol", message: "I speak protocol 1" } };
  if (request.operation === "list") return list();
  if (request.operation === "sign") return signature(request);
  return { protocol: 1, error: { code: "operation", message: `I cannot ${request.operation}` } };
}

process.stdout.write(`${JSON.stringify(answer(JSON.parse(await text(process.stdin)) as Request))}\n`);
