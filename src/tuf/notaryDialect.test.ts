import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { failsWith } from "../../test/support/failsWith.ts";
import { readVector } from "../../test/support/vectors.ts";
import { TufError } from "./errors.ts";
import type { OpenedFile, SignedFile } from "./metadata.ts";
import { notaryDialect } from "./notaryDialect.ts";

const directories = [
  "client/docker-server-state/localhost:5000/team/app",
  "client/docker-server-state/localhost:5000/team/nosigner",
  "client/notary-server-state/example.test/team/tool",
  "client/notary-home-root-rotations/server",
  "client/odd-target-names",
  "client/rsa-root-metadata",
];

function filesIn(directory: string): string[] {
  const all = readdirSync(new URL(`../../test/vectors/${directory}`, import.meta.url), { recursive: true });
  return all.map(String).filter((name) => name.endsWith(".json"));
}

function decode(file: OpenedFile): SignedFile {
  switch (file.type) {
    case "Root":
      return notaryDialect.decodeRoot(file);
    case "Snapshot":
      return notaryDialect.decodeSnapshot(file);
    case "Timestamp":
      return notaryDialect.decodeTimestamp(file);
    default:
      return notaryDialect.decodeTargets(file);
  }
}

describe("files of the original programs come out byte for byte as they went in", () => {
  for (const directory of directories) {
    for (const name of filesIn(directory)) {
      test(`${directory}/${name}`, () => {
        const bytes = readVector(`${directory}/${name}`);
        const file = decode(notaryDialect.openFile(name.replace(/^(\d+\.)?(.*)\.json$/, "$2"), bytes));
        const message = notaryDialect.messageOf(notaryDialect.encodeBody(file.body));
        assert.equal(Buffer.from(message).toString(), Buffer.from(file.message).toString());
        assert.equal(Buffer.from(notaryDialect.encodeFile(message, file.signatures)).toString(), bytes.toString());
      });
    }
  }
});

describe("opening", () => {
  const open = (text: string): OpenedFile => notaryDialect.openFile("targets", Buffer.from(text));

  test("fills in what Notary fills in", () => {
    const file = open('{"signed":{},"signatures":null}');
    assert.deepEqual(
      [file.type, file.version, file.expires.text, file.signatures],
      ["", 0, "0001-01-01T00:00:00Z", []],
    );
  });

  test("lower-cases methods, as Notary compares them", () => {
    const file = open('{"signed":{},"signatures":[{"keyid":"a","method":"ECDSA","sig":"AA=="}]}');
    assert.deepEqual(file.signatures, [{ keyId: "a", method: "ecdsa", bytes: Buffer.of(0) }]);
  });

  const malformed: readonly string[] = [
    "[]",
    "{}",
    '{"signed":[]}',
    '{"signed":{"version":"1"},"signatures":[]}',
    '{"signed":{"expires":1},"signatures":[]}',
    '{"signed":{"_type":1},"signatures":[]}',
    '{"signed":{},"signatures":{}}',
    '{"signed":{},"signatures":[{"method":"ecdsa","sig":""}]}',
    '{"signed":{},"signatures":[{"keyid":"a","method":"ecdsa","sig":"*"}]}',
    '{"signed":{},"signatures":[null]}',
  ];
  for (const text of malformed) {
    test(`refuses ${text}`, () => {
      assert.throws(() => open(text), failsWith("TUF_MALFORMED"));
    });
  }
});

describe("a file bent anywhere", () => {
  const files = [
    "client/notary-server-state/example.test/team/tool/root.json",
    "client/notary-server-state/example.test/team/tool/targets.json",
    "client/notary-server-state/example.test/team/tool/snapshot.json",
    "client/notary-server-state/example.test/team/tool/timestamp.json",
  ];
  const anything = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      "",
      "x",
      0,
      -1,
      1.5,
      2 ** 53,
      true,
      [],
      {},
      [null],
      [[]],
      { a: null },
      "2030-02-31T00:00:00Z",
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );

  for (const path of files) {
    test(`is read or refused with a code, never a crash: ${path}`, () => {
      const whole: unknown = JSON.parse(readVector(path).toString());
      const places = placesIn(whole);
      fc.assert(
        fc.property(fc.constantFrom(...places), anything, (place, value) => {
          const bytes = Buffer.from(JSON.stringify(withValue(whole, place, value)));
          try {
            decode(notaryDialect.openFile("targets", bytes));
          } catch (error) {
            assert.ok(error instanceof TufError, String(error));
          }
        }),
        { numRuns: 500 },
      );
    });
  }
});

describe("structure", () => {
  const targets = (members: object): (() => unknown) => {
    const signed = { _type: "Targets", version: 1, expires: "2036-01-01T00:00:00Z", ...members };
    return () =>
      notaryDialect.decodeTargets(notaryDialect.openFile("targets", Buffer.from(JSON.stringify({ signed }))));
  };

  test("takes null and absent lists as empty, as Go writes them", () => {
    for (const members of [{}, { targets: null, delegations: null }, { delegations: { keys: null, roles: null } }]) {
      assert.doesNotThrow(targets(members));
    }
    const role = { name: "targets/a", threshold: 1, keyids: null, paths: null };
    assert.doesNotThrow(targets({ delegations: { roles: [role] } }));
  });

  const faults: [string, object, string | RegExp][] = [
    ["version 0", { version: 0 }, "targets type metadata invalid: version cannot be less than one"],
    ["no type", { _type: null }, "targets type metadata invalid: expected type Targets, not "],
    [
      "a key ID without key",
      { delegations: { roles: [{ name: "targets/a", threshold: 1, keyids: ["k"] }] } },
      "targets type metadata invalid: key ID k specified in targets/a without corresponding key",
    ],
    ["a hash that is no base64", { targets: { a: { hashes: { sha256: "*" } } } }, /illegal base64/],
    ["a length that is text", { targets: { a: { length: "1" } } }, /must be an integer/],
    ["a list of targets", { targets: [] }, /must be an object/],
  ];
  test("of entries is judged in the second stage, after the signatures", () => {
    const file = notaryDialect.openFile("targets", Buffer.from('{"signed":{"targets":{"a":{"length":"1"}}}}'));
    assert.equal(file.signatures.length, 0);
  });

  for (const [name, members, message] of faults) {
    test(`refuses ${name}`, () => {
      assert.throws(targets(members), failsWith("TUF_MALFORMED", message));
    });
  }
});

type Place = readonly (string | number)[];

/** Every place in a JSON value, as the way to it. */
function placesIn(value: unknown, at: Place = []): Place[] {
  const below = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return [at, ...below.flatMap(([name, inner]) => placesIn(inner, [...at, name]))];
}

/** A copy of a JSON value with another value at one place. */
function withValue(whole: unknown, [first, ...rest]: Place, value: unknown): unknown {
  if (first === undefined) {
    return value;
  }
  if (Array.isArray(whole)) {
    return whole.map((item: unknown, index) => (String(index) === first ? withValue(item, rest, value) : item));
  }
  return Object.fromEntries(
    Object.entries(whole ?? {}).map(([name, inner]) => [name, name === first ? withValue(inner, rest, value) : inner]),
  );
}
