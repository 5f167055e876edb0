import assert from "node:assert/strict";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { keyCustodyContract } from "../../test/contracts/keyCustody.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { findPeer, requireTokens } from "../../test/support/peers.ts";
import { SoftHsm } from "../../test/support/softHsm.ts";
import { suiteScope } from "../../test/support/suiteScope.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { firstCertificate } from "../tuf/certificateBundle.ts";
import { verifySignature } from "../tuf/signature.ts";
import { generateKey } from "./generate.ts";
import { encodeKeyFile } from "./keyFile.ts";
import { fixedPassphrase } from "./passphrase.ts";
import type { PinRequest, PinSource } from "./pin.ts";
import { Pkcs11Custody, type Pkcs11CustodyOptions } from "./pkcs11Custody.ts";
import { ck, openPkcs11Module, type Pkcs11Module, type Pkcs11Template } from "./pkcs11Module.ts";
import { selfSignedCertificate } from "./rootCertificate.ts";
import { signerFor } from "./signer.ts";

const scope = suiteScope();
const passphrases = fixedPassphrase("");
const message = Buffer.from('{"_type":"Root"}');
const labels = ["contract", "generated", "piv", "careful", "twin", "midway"] as const;
type Label = (typeof labels)[number];

let tokens: Promise<SoftHsm> | undefined;

/** The tokens of this file; undefined when the test was skipped. */
async function softHsm(t: TestContext): Promise<SoftHsm | undefined> {
  return requireTokens(t) ? await (tokens ??= SoftHsm.create(scope, labels)) : undefined;
}

function typed(pin: string, asked: PinRequest[] = []): PinSource {
  return async (request) => {
    asked.push(request);
    return { pin, origin: "the terminal", typed: true };
  };
}

function open(hsm: SoftHsm, token: Label, options: Partial<Pkcs11CustodyOptions> = {}): Pkcs11Custody {
  return new Pkcs11Custody({ module: hsm.module, token, pins: typed(hsm.pin), ...options });
}

let contractKeys: Promise<Record<string, { id: string; type: string }>> | undefined;

keyCustodyContract("token", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return undefined;
  const custody = open(hsm, "contract");
  contractKeys ??= (async () => ({
    root: { id: (await custody.generate("ecdsa", "root")).id, type: "ecdsa" },
    alice: { id: (await custody.generate("rsa", "alice")).id, type: "rsa" },
  }))();
  return { custody, keys: await contractKeys, passphrases };
});

test("keys are listed without a PIN, and the PIN is asked for once for all signatures", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return;
  const asked: PinRequest[] = [];
  const custody = open(hsm, "generated", { pins: typed(hsm.pin, asked) });
  assert.deepEqual(await custody.list(), []);
  assert.deepEqual(asked, []);
  const made = [await custody.generate("ecdsa", "root"), await custody.generate("ecdsa", "alice")];
  for (const { id } of made) {
    const signer = signerFor(await custody.get(id));
    const { method, bytes } = await signer.sign(message);
    assert.ok(verifySignature(signer.key, method, message, bytes));
  }
  assert.deepEqual(asked, [{ token: "token generated", finalTry: false }]);
  await assert.rejects(
    custody.generate("rsa", "root"),
    failsWith("KEYS_TOKEN", 'token generated has a key labelled "root" already'),
  );
  await custody.close();
});

test("a private key made on a token cannot be read from it", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return;
  const custody = open(hsm, "twin");
  await custody.generate("ecdsa", "root");
  const module = await openPkcs11Module(hsm.module);
  const { session } = rawSession(module, "twin", hsm.pin);
  module.C_FindObjectsInit(session, [{ type: ck.CKA_CLASS, value: ck.CKO_PRIVATE_KEY }]);
  const [key = assert.fail("no private key")] = module.C_FindObjects(session, 2);
  module.C_FindObjectsFinal(session);
  assert.throws(() => module.C_GetAttributeValue(session, key, [{ type: ck.CKA_VALUE }]), /CKR_ATTRIBUTE_SENSITIVE/);
  module.C_CloseSession(session);
  await custody.close();
});

test("a wrong PIN is tried once, names the token and where it came from, and shows nowhere", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return;
  const maker = open(hsm, "careful");
  const { id } = await maker.generate("ecdsa", "root");
  await maker.close(); // As long as one is logged in, all of the process are.
  const asked: PinRequest[] = [];
  const custody = open(hsm, "careful", {
    pins: async (request) => {
      asked.push(request);
      return { pin: "secret-9999", origin: "the variable PIN", typed: false };
    },
  });
  for (let attempt = 0; attempt < 3; attempt++) {
    const error: unknown = await custody.get(id).catch((caught: unknown) => caught);
    failsWith("KEYS_PIN", "the PIN (from the variable PIN) is not that of token careful")(error);
    assert.doesNotMatch(JSON.stringify(error) + String(error) + String((error as Error).cause), /secret-9999/);
  }
  assert.equal(asked.length, 1);
  const none = open(hsm, "careful", { pins: async () => undefined });
  await assert.rejects(none.get(id), failsWith("KEYS_PIN", "token careful needs its PIN"));
});

test("roles come from the configuration, else from the certificate as on a YubiKey, else from the label", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return;
  const key = generateKey("ecdsa");
  const file = join(temporaryDirectory(t), "key.pem");
  writeFileSync(file, encodeKeyFile(key, {}, ""));
  await hsm.util("--import", file, "--token", "piv", "--label", "SIGN key", "--id", "02");
  const { id } = key.publicKey;
  const role = async (roles?: Record<string, string>): Promise<string | undefined> =>
    (await open(hsm, "piv", { roles }).find(id))?.role;
  assert.equal(await role(), "SIGN key");
  assert.equal(await role({ "SIGN key": "alice" }), "alice");
  assert.equal(await role({ "02": "bob" }), "bob");

  const certificate = firstCertificate((await selfSignedCertificate(key, "root", new Date())).bytes);
  const module = (await openPkcs11Module(hsm.module)) as Pkcs11Module & {
    C_CreateObject(session: Buffer, template: Pkcs11Template): Buffer;
    C_DestroyObject(session: Buffer, object: Buffer): void;
  };
  const { session } = rawSession(module, "piv", hsm.pin);
  module.C_CreateObject(session, [
    { type: ck.CKA_CLASS, value: ck.CKO_CERTIFICATE },
    { type: ck.CKA_TOKEN, value: true },
    { type: ck.CKA_PRIVATE, value: false },
    { type: 0x80, value: 0 }, // CKA_CERTIFICATE_TYPE: X.509
    { type: 0x101, value: Buffer.from(certificate!.raw.subarray(0, 2)) }, // CKA_SUBJECT, which nobody reads
    { type: ck.CKA_LABEL, value: "X.509 Certificate for Digital Signature" },
    { type: ck.CKA_ID, value: Buffer.from([2]) },
    { type: ck.CKA_VALUE, value: Buffer.from(certificate!.raw) },
  ]);
  assert.equal(await role(), "root");
  assert.equal((await open(hsm, "piv").list()).length, 1);

  module.C_FindObjectsInit(session, [{ type: ck.CKA_CLASS, value: ck.CKO_PUBLIC_KEY }]);
  const [publicObject = assert.fail("no public key")] = module.C_FindObjects(session, 2);
  module.C_FindObjectsFinal(session);
  module.C_DestroyObject(session, publicObject);
  module.C_CloseSession(session);
  const custody = open(hsm, "piv");
  const signer = signerFor(await custody.get(id));
  const { method, bytes } = await signer.sign(message);
  assert.ok(verifySignature(signer.key, method, message, bytes), "by its certificate alone");
  await custody.close();
});

test("a key that wants the PIN for every signature gets it", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return;
  const asked: PinRequest[] = [];
  const custody = open(hsm, "twin", { pins: typed(hsm.pin, asked) });
  const before = new Set((await custody.list()).map(({ id }) => id));
  const module = await openPkcs11Module(hsm.module);
  const { session } = rawSession(module, "twin", hsm.pin);
  const common: Pkcs11Template = [
    { type: ck.CKA_TOKEN, value: true },
    { type: ck.CKA_LABEL, value: "always" },
    { type: ck.CKA_ID, value: Buffer.from([9]) },
  ];
  await module.C_GenerateKeyPairAsync(
    session,
    { mechanism: ck.CKM_EC_KEY_PAIR_GEN },
    [...common, { type: ck.CKA_EC_PARAMS, value: Buffer.from("06082a8648ce3d030107", "hex") }],
    [...common, { type: ck.CKA_SIGN, value: true }, { type: ck.CKA_ALWAYS_AUTHENTICATE, value: true }],
  );
  module.C_CloseSession(session);
  await custody.close();
  const id = (await custody.list()).find((key) => !before.has(key.id))?.id ?? assert.fail("no new key");
  const signer = signerFor(await custody.get(id));
  for (let count = 0; count < 3; count++) {
    const { method, bytes } = await signer.sign(message);
    assert.ok(verifySignature(signer.key, method, message, bytes));
  }
  assert.equal(asked.length, 1);
  await custody.close();
});

test("a token that is removed midway is named, and nothing is signed", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return;
  const custody = open(hsm, "midway");
  const signer = signerFor(await custody.get((await custody.generate("ecdsa", "root")).id));
  await signer.sign(message);
  hsm.unplug("midway");
  await assert.rejects(
    signer.sign(message),
    failsWith("KEYS_TOKEN", /^token midway was removed while it was in use: /),
  );
  await assert.rejects(
    signer.sign(message),
    failsWith("KEYS_CUSTODY_UNREACHABLE", /^there is no token midway in the slots of .*libsofthsm2\.so$/),
  );
});

test("a token or a module that is not there is named", async (t) => {
  const hsm = await softHsm(t);
  if (hsm === undefined) return;
  const named = (options: Partial<Pkcs11CustodyOptions>): Promise<unknown> => open(hsm, "contract", options).list();
  await assert.rejects(named({ token: "other" }), failsWith("KEYS_CUSTODY_UNREACHABLE", /^there is no token other in/));
  await assert.rejects(named({ serial: "0000" }), failsWith("KEYS_CUSTODY_UNREACHABLE", /^there is no token contract/));
  await assert.rejects(
    named({ module: "/nonexistent/module.so" }),
    failsWith("KEYS_CUSTODY_UNREACHABLE", /^the PKCS#11 module \/nonexistent\/module.so cannot be loaded: .*No such/),
  );
  const ordinary = findPeer("softhsm2-util") ?? "";
  await assert.rejects(named({ module: ordinary }), failsWith("KEYS_CUSTODY_UNREACHABLE", /cannot be loaded/));
});

/** A token that only says what state its PIN is in, and fails the test when somebody logs in. */
function tokenWithFlags(flags: number, logIn: (pin: string | undefined) => void): Pkcs11Module {
  const key = generateKey("ecdsa").publicKey.bytes;
  const handle = Buffer.alloc(8);
  let searched: Pkcs11Template = [];
  const values = new Map<number, Buffer>([
    [ck.CKA_ID, Buffer.from([1])],
    [ck.CKA_LABEL, Buffer.from("root")],
    [ck.CKA_EC_PARAMS, Buffer.from("06082a8648ce3d030107", "hex")],
    [ck.CKA_EC_POINT, Buffer.from(key.subarray(-65))],
  ]);
  const none = (): never => assert.fail("not to be called");
  return {
    C_GetSlotList: () => [handle],
    C_GetTokenInfo: () => ({ label: "card".padEnd(32), serialNumber: "1", flags }),
    C_OpenSession: () => handle,
    C_CloseSession: () => {},
    C_Login: (_session, _user, pin) => logIn(pin),
    C_FindObjectsInit: (_session, template) => void (searched = template),
    C_FindObjects: () =>
      searched[0]?.value === ck.CKO_PRIVATE_KEY || (searched[1]?.value === ck.CKK_EC && searched.length === 2)
        ? [handle]
        : [],
    C_FindObjectsFinal: () => {},
    C_GetAttributeValue: (_session, _object, [attribute]) => {
      const value = values.get(attribute?.type ?? -1);
      if (value === undefined) throw new Error("CKR_ATTRIBUTE_TYPE_INVALID");
      return [{ type: attribute?.type ?? -1, value }];
    },
    C_SignInit: none,
    C_SignAsync: none,
    C_GenerateKeyPairAsync: none,
  };
}

const usual = ck.CKF_LOGIN_REQUIRED | ck.CKF_USER_PIN_INITIALIZED;
const stored: PinSource = async () => ({ pin: "1234", origin: "the variable PIN", typed: false });
const pinStates: Readonly<
  Record<string, readonly [flags: number, pins: PinSource, used: (string | undefined)[], refusal?: RegExp]>
> = {
  "usual, stored": [usual, stored, ["1234"]],
  "before its last try, stored": [
    usual | ck.CKF_USER_PIN_FINAL_TRY,
    stored,
    [],
    /^token card locks after one more wrong PIN, so the one from the variable PIN is not tried$/,
  ],
  "before its last try, typed": [usual | ck.CKF_USER_PIN_FINAL_TRY, typed("1234"), ["1234"]],
  locked: [usual | ck.CKF_USER_PIN_LOCKED, typed("1234"), [], /^the PIN of token card is locked$/],
  "not set": [ck.CKF_LOGIN_REQUIRED, typed("1234"), [], /^token card has no PIN yet$/],
  "not needed": [0, async () => assert.fail("asked"), []],
  "typed on the reader": [usual | ck.CKF_PROTECTED_AUTHENTICATION_PATH, async () => assert.fail("asked"), [undefined]],
};

for (const [state, [flags, pins, used, refusal]] of Object.entries(pinStates)) {
  test(`the PIN of a token, ${state}, is ${used.length === 0 ? "not used" : "used once"}`, async () => {
    const pinsUsed: (string | undefined)[] = [];
    const module = tokenWithFlags(flags, (pin) => void pinsUsed.push(pin));
    const custody = new Pkcs11Custody({ module: "fake", token: "card", pins, open: async () => module });
    const [key = assert.fail("no key")] = await custody.list();
    if (refusal === undefined) await custody.get(key.id);
    else await assert.rejects(custody.get(key.id), failsWith("KEYS_PIN", refusal));
    assert.deepEqual(pinsUsed, used);
  });
}

/** A session of the test's own, logged in. */
function rawSession(module: Pkcs11Module, label: Label, pin: string): { session: Buffer } {
  const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trimEnd() === label);
  const session = module.C_OpenSession(slot ?? assert.fail("no token"), ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION);
  try {
    module.C_Login(session, ck.CKU_USER, pin);
  } catch (error) {
    assert.match(String(error), /CKR_USER_ALREADY_LOGGED_IN/);
  }
  return { session };
}
