import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { requireTokens } from "../../test/support/peers.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { KeysError } from "./errors.ts";
import { firstPin, pinFromFile, pinFromVariable } from "./pin.ts";
import { ckrOf, openPkcs11Module } from "./pkcs11Module.ts";

const request = { token: "token card", finalTry: false };

test("without the optional package a token cannot be reached, and what to install is said", async () => {
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === "pkcs11js") throw new Error("Cannot find package 'pkcs11js'");
      return next(specifier, context);
    },
  });
  try {
    const error: unknown = await openPkcs11Module("/usr/lib/any.so").catch((caught: unknown) => caught);
    failsWith("KEYS_CUSTODY_UNREACHABLE", "the package pkcs11js, which talks to tokens, is not installed")(error);
    assert.match((error as KeysError).hint, /npm install pkcs11js/);
  } finally {
    hooks.deregister();
  }
});

test("a file that is no module is an error that names it, and can be tried again", async (t) => {
  if (!requireTokens(t)) return;
  const file = join(temporaryDirectory(t), "module.so");
  await assert.rejects(openPkcs11Module(file), failsWith("KEYS_CUSTODY_UNREACHABLE", /module\.so .*No such file/));
  writeFileSync(file, "not a library");
  await assert.rejects(openPkcs11Module(file), failsWith("KEYS_CUSTODY_UNREACHABLE", /module\.so .*cannot be loaded/));
});

test("only errors of a module have a CKR_ value", () => {
  assert.equal(ckrOf(Object.assign(new Error("CKR_PIN_INCORRECT"), { code: 160 })), 160);
  for (const other of [new Error("x"), Object.assign(new Error("x"), { code: 0 }), "CKR_OK", undefined]) {
    assert.equal(ckrOf(other), undefined);
  }
  assert.equal(ckrOf(new KeysError("KEYS_PIN", "wrong")), undefined);
});

test("a PIN comes from the variable, else from the first line of a private file, else from nowhere", async (t) => {
  const file = join(temporaryDirectory(t), "pin");
  writeFileSync(file, "4321\r\nnot this\n", { mode: 0o600 });
  const both = (environment: NodeJS.ProcessEnv): ReturnType<ReturnType<typeof firstPin>> =>
    firstPin(pinFromVariable("PIN", environment), pinFromFile(file))(request);
  assert.deepEqual(await both({ PIN: "1234" }), { pin: "1234", origin: "the variable PIN", typed: false });
  assert.deepEqual(await both({ PIN: "" }), { pin: "4321", origin: file, typed: false });
  assert.equal(await firstPin(pinFromVariable("PIN", {}))(request), undefined);
});

test("a PIN file that others may read, or that is not there, is refused", async (t) => {
  const file = join(temporaryDirectory(t), "pin");
  await assert.rejects(pinFromFile(file)(request), failsWith("KEYS_UNREADABLE"));
  writeFileSync(file, "4321\n", { mode: 0o644 });
  await assert.rejects(pinFromFile(file)(request), failsWith("KEYS_FILE_PERMISSIONS", /^PIN file .*pin must not be/));
});
