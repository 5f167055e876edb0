import { createHash } from "node:crypto";
import type { SignatureScheme } from "../tuf/crypto.ts";
import type { CustodyKey, KeyCustody, KeyDescription } from "./custody.ts";
import { checkedSignature } from "./custodyPublicKey.ts";
import { KeysError, messageOf } from "./errors.ts";
import { checkKeyId } from "./keyId.ts";
import type { PinSource } from "./pin.ts";
import { authenticateAgain, logIn } from "./pkcs11Login.ts";
import {
  ck,
  openPkcs11Module,
  type Pkcs11Handle,
  type Pkcs11Mechanism,
  type Pkcs11Module,
  type Pkcs11TokenInfo,
} from "./pkcs11Module.ts";
import {
  alwaysAuthenticates,
  findPrivateKey,
  keyPairTemplates,
  readTokenKeys,
  type TokenKey,
} from "./pkcs11Objects.ts";

/** DigestInfo of SHA-256 without the digest (RFC 8017 §9.2): CKM_RSA_PKCS, which every token has, wants it. */
const sha256DigestInfo = Buffer.from("3031300d060960864801650304020105000420", "hex");
/** No signature here is longer: RSA with 8192 bits. */
const longestSignature = 1024;

const mechanisms: Partial<Readonly<Record<SignatureScheme, Pkcs11Mechanism>>> = {
  "ecdsa-sha256-p1363": { mechanism: ck.CKM_ECDSA },
  "rsapss-sha256-salt32": {
    mechanism: ck.CKM_RSA_PKCS_PSS,
    parameter: { type: ck.CK_PARAMS_RSA_PSS, hashAlg: ck.CKM_SHA256, mgf: ck.CKG_MGF1_SHA256, saltLen: 32 },
  },
  "rsapkcs1v15-sha256": { mechanism: ck.CKM_RSA_PKCS },
};

export interface Pkcs11CustodyOptions {
  /** The path of the module that came with the token. */
  readonly module: string;
  /** The token's label. */
  readonly token: string;
  /** Tells tokens of one label apart. */
  readonly serial?: string | undefined;
  /** Roles of keys, by their label or by their ID in hexadecimal. Others have the role of their certificate, else their label as role. */
  readonly roles?: Readonly<Record<string, string>> | undefined;
  readonly pins: PinSource;
  /** Loads the module. */
  readonly open?: ((path: string) => Promise<Pkcs11Module>) | undefined;
}

interface OpenToken {
  readonly module: Pkcs11Module;
  readonly slot: Pkcs11Handle;
  readonly session: Pkcs11Handle;
  readonly info: Pkcs11TokenInfo;
}

/**
 * Keys on a PKCS#11 token: a smart card, a YubiKey, an HSM. They are listed by their public keys and certificates, which are to be
 * seen without a PIN; signing asks for the PIN, once. Private keys never leave the token, and signatures are verified before
 * they are used.
 * Errors besides those of KeyCustody: KEYS_PIN, KEYS_TOKEN, KEYS_BAD_SIGNATURE.
 */
export class Pkcs11Custody implements KeyCustody {
  readonly kind = "pkcs11";
  readonly location: string;
  readonly #options: Pkcs11CustodyOptions;
  #token: Promise<OpenToken> | undefined;
  #keys: readonly TokenKey[] | undefined;
  /** The PIN that opened the token. */
  #login: Promise<string | undefined> | undefined;
  /** Why the PIN was refused; it stays that way, since trying again could lock the token. */
  #refusal: Error | undefined;
  /** A session does one thing at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: Pkcs11CustodyOptions) {
    this.location = `token ${options.token}`;
    this.#options = options;
  }

  async list(): Promise<readonly KeyDescription[]> {
    return (await this.#listed()).map((key) => this.#describe(key));
  }

  async find(id: string): Promise<KeyDescription | undefined> {
    checkKeyId(id);
    return (await this.list()).find((key) => key.id === id);
  }

  /** A key, ready to sign; asks for the PIN. Errors: KEYS_NOT_FOUND also for a public key without its private one. */
  async get(id: string): Promise<CustodyKey> {
    checkKeyId(id);
    const key = (await this.#listed()).find(({ publicKey }) => publicKey.id === id);
    if (key === undefined) {
      throw new KeysError("KEYS_NOT_FOUND", `signing key not found: ${id}`);
    }
    await this.#inTurn(async (token) => {
      await this.#loggedIn(token);
      this.#privateKey(token, key);
    });
    return { publicKey: key.publicKey, sign: (scheme, message) => this.#sign(key, scheme, message) };
  }

  /**
   * Makes a key pair on the token: ECDSA on P-256, or RSA with 2048 bits. The role becomes its label.
   * Errors: KEYS_TOKEN, also when a key of that label is there.
   */
  async generate(algorithm: "ecdsa" | "rsa", role: string): Promise<KeyDescription> {
    if ((await this.#listed()).some(({ label }) => label === role)) {
      throw new KeysError("KEYS_TOKEN", `${this.location} has a key labelled ${JSON.stringify(role)} already`);
    }
    const before = new Set((await this.#listed()).map(({ publicKey }) => publicKey.id));
    await this.#inTurn(async (token) => {
      await this.#loggedIn(token);
      const writing = token.module.C_OpenSession(token.slot, ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION);
      try {
        const [mechanism, publicTemplate, privateTemplate] = keyPairTemplates(algorithm, role);
        await token.module.C_GenerateKeyPairAsync(writing, mechanism, publicTemplate, privateTemplate);
      } finally {
        token.module.C_CloseSession(writing);
      }
    });
    this.#keys = undefined;
    const made = (await this.list()).find(({ id }) => !before.has(id));
    if (made === undefined) {
      throw new KeysError("KEYS_TOKEN", `${this.location} made a key that it does not show`);
    }
    return made;
  }

  async close(): Promise<void> {
    await this.#last;
    const token = await this.#token?.catch(() => undefined);
    this.#forget();
    try {
      token?.module.C_CloseSession(token.session);
    } catch {
      // It is gone already, as after the token was removed.
    }
  }

  #describe({ publicKey, label, objectId, certificateRole }: TokenKey): KeyDescription {
    const { roles = {} } = this.#options;
    const named = [label, objectId.toString("hex")].find((name) => Object.hasOwn(roles, name));
    const role = (named === undefined ? certificateRole : roles[named]) ?? label;
    return { id: publicKey.id, role, gun: undefined };
  }

  async #listed(): Promise<readonly TokenKey[]> {
    return await this.#inTurn(
      async ({ module, session }) => (this.#keys ??= readTokenKeys(module, session)),
      "could not list its keys",
    );
  }

  async #sign(key: TokenKey, scheme: SignatureScheme, message: Uint8Array): Promise<Uint8Array> {
    const mechanism = mechanisms[scheme];
    const { type } = key.publicKey;
    if (mechanism === undefined || !scheme.startsWith(type)) {
      throw new KeysError("KEYS_UNSUPPORTED", `a key of type ${type} cannot sign by ${scheme}`);
    }
    const digest = createHash("sha256").update(message).digest();
    const data = scheme === "rsapkcs1v15-sha256" ? Buffer.concat([sha256DigestInfo, digest]) : digest;
    const signature = await this.#inTurn(async (token) => {
      const pin = await this.#loggedIn(token);
      const privateKey = this.#privateKey(token, key);
      const { module, session } = token;
      module.C_SignInit(session, mechanism, privateKey);
      if (alwaysAuthenticates(module, session, privateKey)) {
        authenticateAgain(module, session, pin, this.location);
      }
      return await module.C_SignAsync(session, data, Buffer.alloc(longestSignature));
    }, "could not sign");
    return checkedSignature(key.publicKey, scheme, message, signature, this.location);
  }

  #privateKey(token: OpenToken, key: TokenKey): Pkcs11Handle {
    const found = findPrivateKey(token.module, token.session, key);
    if (found !== undefined) {
      return found;
    }
    if (this.#slotOf(token.module) === undefined) {
      throw this.#tokenError(token, "lost a key", "its keys are gone");
    }
    const { id } = key.publicKey;
    throw new KeysError("KEYS_NOT_FOUND", `${this.location} has the public key ${id}, and no private key to it`);
  }

  async #loggedIn({ module, session, info }: OpenToken): Promise<string | undefined> {
    if (this.#refusal !== undefined) {
      throw this.#refusal;
    }
    this.#login ??= logIn(module, session, info, this.#options.pins, this.location);
    try {
      return await this.#login;
    } catch (error) {
      this.#refusal = error as Error;
      throw error;
    }
  }

  /** Works with the token when all earlier work is done; what goes wrong with it is told by the token's name. */
  async #inTurn<Result>(work: (token: OpenToken) => Promise<Result>, failed = "failed"): Promise<Result> {
    const turn = this.#last.then(async () => {
      const token = await this.#open();
      try {
        return await work(token);
      } catch (cause) {
        throw cause instanceof KeysError ? cause : this.#tokenError(token, failed, cause);
      }
    });
    this.#last = turn.catch(() => {});
    return await turn;
  }

  #tokenError({ module }: OpenToken, failed: string, cause: unknown): KeysError {
    this.#forget();
    const gone = this.#slotOf(module) === undefined;
    const what = gone ? `${this.location} was removed while it was in use` : `${this.location} ${failed}`;
    return new KeysError("KEYS_TOKEN", `${what}: ${messageOf(cause)}`, { cause });
  }

  #open(): Promise<OpenToken> {
    this.#token ??= this.#openToken();
    this.#token.catch(() => (this.#token = undefined));
    return this.#token;
  }

  async #openToken(): Promise<OpenToken> {
    const { open = openPkcs11Module, module: path } = this.#options;
    const module = await open(path);
    const found = this.#slotOf(module);
    if (found === undefined) {
      throw new KeysError("KEYS_CUSTODY_UNREACHABLE", `there is no ${this.location} in the slots of ${path}`);
    }
    try {
      return { module, ...found, session: module.C_OpenSession(found.slot, ck.CKF_SERIAL_SESSION) };
    } catch (cause) {
      const message = `${this.location} cannot be opened: ${messageOf(cause)}`;
      throw new KeysError("KEYS_CUSTODY_UNREACHABLE", message, { cause });
    }
  }

  #slotOf(module: Pkcs11Module): Pick<OpenToken, "slot" | "info"> | undefined {
    const { token, serial } = this.#options;
    for (const slot of slots(module)) {
      const info = tokenInfo(module, slot);
      if (info?.label.trimEnd() === token && (serial === undefined || info.serialNumber.trimEnd() === serial)) {
        return { slot, info };
      }
    }
    return undefined;
  }

  #forget(): void {
    this.#token = undefined;
    this.#keys = undefined;
    this.#login = undefined;
  }
}

function slots(module: Pkcs11Module): Pkcs11Handle[] {
  try {
    return module.C_GetSlotList(true);
  } catch {
    return []; // A module without its reader; what is then missing is the token.
  }
}

function tokenInfo(module: Pkcs11Module, slot: Pkcs11Handle): Pkcs11TokenInfo | undefined {
  try {
    return module.C_GetTokenInfo(slot);
  } catch {
    return undefined; // Removed in this moment.
  }
}
