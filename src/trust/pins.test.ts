import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { PinPolicy, type Pin } from "./pins.ts";

function policyFrom(section: unknown): PinPolicy {
  return PinPolicy.fromNotary(parseJson(Buffer.from(JSON.stringify(section))));
}

const keys = (...ids: string[]): Pin => ({ kind: "keys", ids });
const ca = (path: string): Pin => ({ kind: "ca", path });

describe("Notary's trust_pinning", () => {
  const section = {
    certs: {
      "example.test/a/b": ["exact"],
      "example.test/*": ["short"],
      "example.test/a/*": ["long"],
      "example.test/Upper/*": ["upper"],
      "example.test/none": [],
    },
    ca: { "example.test/": "short.pem", "other.test/x": "long.pem", "other.test": "other.pem" },
  };
  const cases: { gun: string; pin: Pin; why: string }[] = [
    { gun: "example.test/a/b", pin: keys("exact"), why: "an exact name goes first" },
    { gun: "example.test/a/c", pin: keys("long"), why: "the longest beginning goes before shorter ones" },
    { gun: "example.test/c", pin: keys("short"), why: "certs go before ca" },
    { gun: "example.test/Upper/x", pin: keys("upper"), why: "capitals count" },
    { gun: "example.test/upper/x", pin: keys("short"), why: "small letters are other letters" },
    { gun: "example.test/none", pin: keys(), why: "an empty list is a pin that nothing meets" },
    { gun: "other.test/xyz", pin: ca("long.pem"), why: "a ca prefix is a plain one, the longest first" },
    { gun: "other.test.evil/y", pin: ca("other.pem"), why: "a ca prefix is a plain one" },
    { gun: "third.test/x", pin: { kind: "firstUse" }, why: "nothing said" },
  ];
  for (const { gun, pin, why } of cases) {
    test(`${gun}: ${why}`, () => {
      assert.deepEqual(policyFrom(section).pinFor(gun), pin);
    });
  }

  test("absent or empty allows first use; disable_tofu does not", () => {
    assert.deepEqual(PinPolicy.fromNotary(undefined).pinFor("x"), { kind: "firstUse" });
    assert.deepEqual(policyFrom({}).pinFor("x"), { kind: "firstUse" });
    assert.deepEqual(policyFrom({ disable_tofu: true }).pinFor("x"), { kind: "none" });
    assert.deepEqual(policyFrom({ disable_tofu: true, certs: { x: ["k"] } }).pinFor("x"), keys("k"));
  });

  const broken = [
    [{ certs: { x: "id" } }, "invalid format for trust_pinning.certs"],
    [{ certs: { x: [1] } }, "invalid format for trust_pinning.certs"],
    [{ certs: [] }, "invalid format for trust_pinning.certs"],
    [{ ca: { x: ["file"] } }, "invalid format for trust_pinning.ca"],
    [{ disable_tofu: "yes" }, "invalid format for trust_pinning.disable_tofu"],
    ["no", "invalid format for trust_pinning"],
  ] as const;
  for (const [section, message] of broken) {
    test(`${JSON.stringify(section)} is refused`, () => {
      assert.throws(() => policyFrom(section), failsWith("TRUST_PIN_FORMAT", message));
    });
  }
});

test("our own rules: exact before beginnings, longer before shorter, whatever their order and kind", () => {
  const rules = [
    { gun: "*", pin: { kind: "rootFile", path: "any.json" } },
    { gun: "a.test/*", pin: { kind: "firstUse" } },
    { gun: "a.test/b", pin: ca("b.pem") },
  ] as const;
  const policy = PinPolicy.of({ rules, otherwise: "none" });
  assert.deepEqual(policy.pinFor("a.test/b"), ca("b.pem"));
  assert.deepEqual(policy.pinFor("a.test/bc"), { kind: "firstUse" });
  assert.deepEqual(policy.pinFor("z"), { kind: "rootFile", path: "any.json" });
  assert.deepEqual(PinPolicy.pinnedOnly().pinFor("z"), { kind: "none" });
});
