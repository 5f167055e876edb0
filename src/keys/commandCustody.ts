import { digest, type SignatureScheme } from "../tuf/crypto.ts";
import { ecdsaSignatureFromDer } from "../tuf/ecdsaSignature.ts";
import { decodeBase64, encodeBase64 } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import type { JsonValue } from "../tuf/json.ts";
import { asArray, asObject, asString } from "../tuf/jsonMember.ts";
import type { PublicKey } from "../tuf/key.ts";
import type { CustodyKey, KeyCustody, KeyDescription } from "./custody.ts";
import { checkedSignature, coordinateLength, custodyPublicKey } from "./custodyPublicKey.ts";
import { KeysError } from "./errors.ts";
import { checkKeyId } from "./keyId.ts";
import { askSignerCommand, type SignerCommandOptions } from "./signerCommand.ts";

/** How the protocol calls the schemes. Their signatures are in the form that key services give: ECDSA in DER. */
const schemeNames: Readonly<Record<SignatureScheme, string>> = {
  "ecdsa-sha256-p1363": "ecdsa-sha256",
  "rsapss-sha256-salt32": "rsapss-sha256-salt32",
  "rsapkcs1v15-sha256": "rsapkcs1v15-sha256",
  ed25519: "ed25519",
};

/** A key as the program lists it. */
interface ListedKey extends KeyDescription {
  readonly publicKey: PublicKey;
  /** The program's own name for the key. */
  readonly name: string;
}

export interface CommandCustodyOptions extends Omit<SignerCommandOptions, "location"> {
  /** As the user calls it. */
  readonly name: string;
}

/**
 * Keys that a program holds, for example one that talks to a key management service. It is run once per request; docs/keys.md
 * describes what it is asked. Passphrases are its own business. Every signature is verified before it is used.
 * Errors besides those of KeyCustody: KEYS_COMMAND, KEYS_BAD_SIGNATURE.
 */
export class CommandCustody implements KeyCustody {
  readonly kind = "command";
  readonly location: string;
  readonly #options: SignerCommandOptions;
  #keys: Promise<readonly ListedKey[]> | undefined;

  constructor({ name, ...options }: CommandCustodyOptions) {
    this.location = `command ${name}`;
    this.#options = { ...options, location: this.location };
  }

  async list(): Promise<readonly KeyDescription[]> {
    return (await this.#listed()).map(({ id, role, gun }) => ({ id, role, gun }));
  }

  async find(id: string): Promise<KeyDescription | undefined> {
    checkKeyId(id);
    return (await this.list()).find((key) => key.id === id);
  }

  async get(id: string): Promise<CustodyKey> {
    checkKeyId(id);
    const key = (await this.#listed()).find((listed) => listed.id === id);
    if (key === undefined) {
      throw new KeysError("KEYS_NOT_FOUND", `signing key not found: ${id}`);
    }
    return { publicKey: key.publicKey, sign: (scheme, message) => this.#sign(key, scheme, message) };
  }

  async close(): Promise<void> {
    this.#keys = undefined;
  }

  #listed(): Promise<readonly ListedKey[]> {
    this.#keys ??= this.#askForKeys();
    this.#keys.catch(() => (this.#keys = undefined));
    return this.#keys;
  }

  async #askForKeys(): Promise<readonly ListedKey[]> {
    const answer = await askSignerCommand(this.#options, { operation: "list" });
    return this.#reading(() => asArray(answer["keys"], "the list of keys").map((key) => readKey(key)));
  }

  async #sign({ name, publicKey }: ListedKey, scheme: SignatureScheme, message: Uint8Array): Promise<Uint8Array> {
    if (!scheme.startsWith(publicKey.type)) {
      throw new KeysError("KEYS_UNSUPPORTED", `a key of type ${publicKey.type} cannot sign by ${scheme}`);
    }
    const answer = await askSignerCommand(this.#options, {
      operation: "sign",
      key: name,
      scheme: schemeNames[scheme],
      message: encodeBase64(message),
      digest: encodeBase64(digest("sha256", message)),
    });
    const signature = this.#reading(() => {
      const bytes = readBase64(answer["signature"], "the signature");
      return publicKey.type === "ecdsa" ? ecdsaSignatureFromDer(bytes, coordinateLength(publicKey)) : bytes;
    });
    return checkedSignature(publicKey, scheme, message, signature, this.location);
  }

  #reading<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (cause) {
      if (cause instanceof TufError || cause instanceof RangeError) {
        throw new KeysError("KEYS_COMMAND", `${this.location} answered wrongly: ${cause.message}`, { cause });
      }
      throw cause;
    }
  }
}

function readKey(value: JsonValue): ListedKey {
  const key = asObject(value, "each key");
  const name = asString(key["key"], "the name of a key");
  const publicKey = custodyPublicKey(readBase64(key["public"], `the public key of ${name}`));
  if (publicKey === undefined) {
    throw new TufError("TUF_MALFORMED", `the public key of ${name} is none that can sign: ECDSA, RSA, Ed25519 (SPKI)`);
  }
  const role = key["role"] === undefined ? "" : asString(key["role"], `the role of ${name}`);
  const gun = key["gun"] === undefined ? undefined : asString(key["gun"], `the gun of ${name}`);
  return { id: publicKey.id, role, gun, publicKey, name };
}

function readBase64(value: JsonValue | undefined, what: string): Uint8Array {
  const bytes = decodeBase64(asString(value, what));
  if (bytes === undefined) {
    throw new TufError("TUF_MALFORMED", `${what} is not base64`);
  }
  return bytes;
}
