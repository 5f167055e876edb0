import { KeysError, messageOf } from "./errors.ts";

/** The part of PKCS#11 2.40 that is used here. Handles are opaque. */
export type Pkcs11Handle = Buffer;
export type Pkcs11Template = readonly { readonly type: number; readonly value?: Buffer | number | boolean | string }[];

export interface Pkcs11TokenInfo {
  /** Padded with blanks. */
  readonly label: string;
  readonly serialNumber: string;
  readonly flags: number;
}

export interface Pkcs11Mechanism {
  readonly mechanism: number;
  readonly parameter?: {
    readonly type: number;
    readonly hashAlg: number;
    readonly mgf: number;
    readonly saltLen: number;
  };
}

/** What `pkcs11js` offers of it. Every call throws an error whose `code` is the CKR_ value, and 0 outside of the module. */
export interface Pkcs11Module {
  C_GetSlotList(tokenPresent: boolean): Pkcs11Handle[];
  C_GetTokenInfo(slot: Pkcs11Handle): Pkcs11TokenInfo;
  C_OpenSession(slot: Pkcs11Handle, flags: number): Pkcs11Handle;
  C_CloseSession(session: Pkcs11Handle): void;
  C_Login(session: Pkcs11Handle, userType: number, pin?: string): void;
  C_FindObjectsInit(session: Pkcs11Handle, template: Pkcs11Template): void;
  C_FindObjects(session: Pkcs11Handle, maximum: number): Pkcs11Handle[];
  C_FindObjectsFinal(session: Pkcs11Handle): void;
  C_GetAttributeValue(
    session: Pkcs11Handle,
    object: Pkcs11Handle,
    template: Pkcs11Template,
  ): readonly { readonly type: number; readonly value: Buffer }[];
  C_SignInit(session: Pkcs11Handle, mechanism: Pkcs11Mechanism, key: Pkcs11Handle): void;
  C_SignAsync(session: Pkcs11Handle, data: Buffer, output: Buffer): Promise<Buffer>;
  C_GenerateKeyPairAsync(
    session: Pkcs11Handle,
    mechanism: Pkcs11Mechanism,
    publicTemplate: Pkcs11Template,
    privateTemplate: Pkcs11Template,
  ): Promise<{ readonly publicKey: Pkcs11Handle; readonly privateKey: Pkcs11Handle }>;
}

interface LoadablePkcs11 extends Pkcs11Module {
  load(path: string): void;
  C_Initialize(options: { readonly flags: number }): void;
}

/** Names of the standard, with its values. */
export const ck = {
  CKF_OS_LOCKING_OK: 0x2,
  CKF_RW_SESSION: 0x2,
  CKF_SERIAL_SESSION: 0x4,
  CKF_LOGIN_REQUIRED: 0x4,
  CKF_USER_PIN_INITIALIZED: 0x8,
  CKF_PROTECTED_AUTHENTICATION_PATH: 0x100,
  CKF_USER_PIN_FINAL_TRY: 0x2_0000,
  CKF_USER_PIN_LOCKED: 0x4_0000,
  CKU_USER: 1,
  CKU_CONTEXT_SPECIFIC: 2,
  CKO_CERTIFICATE: 1,
  CKO_PUBLIC_KEY: 2,
  CKO_PRIVATE_KEY: 3,
  CKK_RSA: 0,
  CKK_EC: 3,
  CKA_CLASS: 0,
  CKA_TOKEN: 1,
  CKA_PRIVATE: 2,
  CKA_LABEL: 3,
  CKA_VALUE: 0x11,
  CKA_KEY_TYPE: 0x100,
  CKA_ID: 0x102,
  CKA_SENSITIVE: 0x103,
  CKA_SIGN: 0x108,
  CKA_VERIFY: 0x10a,
  CKA_MODULUS: 0x120,
  CKA_MODULUS_BITS: 0x121,
  CKA_PUBLIC_EXPONENT: 0x122,
  CKA_EXTRACTABLE: 0x162,
  CKA_EC_PARAMS: 0x180,
  CKA_EC_POINT: 0x181,
  CKA_ALWAYS_AUTHENTICATE: 0x202,
  CKM_RSA_PKCS_KEY_PAIR_GEN: 0,
  CKM_RSA_PKCS: 1,
  CKM_RSA_PKCS_PSS: 0xd,
  CKM_SHA256: 0x250,
  CKM_EC_KEY_PAIR_GEN: 0x1040,
  CKM_ECDSA: 0x1041,
  CKG_MGF1_SHA256: 2,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_INVALID: 0xa1,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_LOCKED: 0xa4,
  CKR_USER_ALREADY_LOGGED_IN: 0x100,
  CKR_CRYPTOKI_ALREADY_INITIALIZED: 0x191,
  /** pkcs11js' own mark of the parameters of RSA-PSS. */
  CK_PARAMS_RSA_PSS: 5,
} as const;

const loaded = new Map<string, Promise<Pkcs11Module>>();

/**
 * Loads a PKCS#11 module, once per process: the standard wants it initialised once for all of its tokens.
 * Errors: KEYS_CUSTODY_UNREACHABLE when `pkcs11js` is not installed, or the file is no such module.
 */
export function openPkcs11Module(path: string): Promise<Pkcs11Module> {
  let opening = loaded.get(path);
  if (opening === undefined) {
    opening = initialize(path);
    loaded.set(path, opening);
    opening.catch(() => loaded.delete(path));
  }
  return opening;
}

async function initialize(path: string): Promise<Pkcs11Module> {
  const PKCS11 = await loadBinding();
  const module = new PKCS11();
  try {
    module.load(path);
    module.C_Initialize({ flags: ck.CKF_OS_LOCKING_OK });
  } catch (cause) {
    if (ckrOf(cause) !== ck.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
      const message = `the PKCS#11 module ${path} cannot be loaded: ${messageOf(cause)}`;
      throw new KeysError("KEYS_CUSTODY_UNREACHABLE", message, {
        cause,
        hint: "Install the library that came with the token, and give its path as `module` in keys.json.",
      });
    }
  }
  return module;
}

async function loadBinding(): Promise<new () => LoadablePkcs11> {
  // Not a literal: the package is optional, and neither compiler nor bundler may miss it.
  const name: string = "pkcs11js";
  try {
    const binding = (await import(name)) as { readonly default: { readonly PKCS11: new () => LoadablePkcs11 } };
    return binding.default.PKCS11;
  } catch (cause) {
    throw new KeysError("KEYS_CUSTODY_UNREACHABLE", "the package pkcs11js, which talks to tokens, is not installed", {
      cause,
      hint: "Install it beside this one: npm install pkcs11js. It is compiled on the spot, with a C++ compiler, make and Python.",
    });
  }
}

/** The CKR_ value of an error of a module; undefined for other errors. */
export function ckrOf(error: unknown): number | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "number" && code !== 0 ? code : undefined;
}
