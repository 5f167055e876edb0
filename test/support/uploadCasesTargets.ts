import {
  asMembers,
  canonical,
  ecdsaKey,
  ed25519Key,
  parseMembers,
  rsaKey,
  signaturesOver,
  without,
} from "./rawMetadata.ts";
import type { Json, JsonMembers, TestKey } from "./rawMetadata.ts";
import { TestRepository } from "./testRepository.ts";
import type { Part, TargetsOptions } from "./testRepository.ts";
import { accepted, malformedJson, refused, versionConflict } from "./uploadCase.ts";
import type { Expected, UploadCase } from "./uploadCase.ts";

const belowThreshold = refused("ErrBadTargets", "valid signatures did not meet threshold for targets");

const strictJson =
  "two programs may read such a file differently, so we take only JSON with one reading; the reason is in the detail";

/** A first upload of a root and these targets. */
function firstTargets(
  name: string,
  expected: Expected,
  options: TargetsOptions | ((repository: TestRepository) => TargetsOptions) = {},
  more: Pick<UploadCase, "original"> = {},
): UploadCase {
  return {
    rule: "B",
    name,
    ...more,
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const targets = repository.targets(typeof options === "function" ? options(repository) : options);
      return { repository, upload: [repository.root(), targets], expected };
    },
  };
}

/** A first upload whose targets file has this text instead of what `TestRepository` writes. */
function targetsText(
  name: string,
  expected: Expected,
  make: (signed: JsonMembers, key: TestKey) => string,
  more: Pick<UploadCase, "original"> = {},
): UploadCase {
  return {
    rule: "B",
    name,
    ...more,
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const { content } = repository.targets();
      const signed = asMembers(parseMembers(String(content))["signed"]);
      const targets = { role: "targets", content: make(signed, repository.targetsKey) };
      return { repository, upload: [repository.root(), targets], expected };
    },
  };
}

/** A first upload whose targets key is `key`. */
function targetsKey(
  name: string,
  expected: Expected,
  key: TestKey,
  change: (part: Part) => Part = (part) => part,
): UploadCase {
  return {
    rule: "B",
    name,
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const root = repository.root({ targets: { keys: [key] } });
      return { repository, upload: [root, change(repository.targets({ signers: [key] }))], expected };
    },
  };
}

function edited(
  name: string,
  expected: Expected,
  members: JsonMembers,
  more: Pick<UploadCase, "original"> = {},
): UploadCase {
  return firstTargets(name, expected, { edit: (signed) => ({ ...signed, ...members }) }, more);
}

/** Signs the canonical form of `signed`, and writes the file with `text` in its place. */
function file(signed: JsonMembers, key: TestKey, text = canonical(signed)): string {
  return `{"signed":${text},"signatures":${canonical(signaturesOver(Buffer.from(canonical(signed)), [key]))}}`;
}

function withTargets(targets: Json): JsonMembers {
  return { targets };
}

function rename(part: Part, from: string, to: string): Part {
  return { role: part.role, content: String(part.content).replaceAll(from, to) };
}

function nested(depth: number): Json {
  return depth === 0 ? [] : [nested(depth - 1)];
}

const aHash = Buffer.alloc(32, 7).toString("base64");
const p256 = ecdsaKey();

export const targetsCases: readonly UploadCase[] = [
  firstTargets("no signatures", refused("ErrBadTargets", "tuf: data has no signatures"), { signers: [] }),
  firstTargets("signed by a stranger", belowThreshold, { signers: [ecdsaKey()] }),
  firstTargets("a stranger's signature beside the good one", accepted, ({ targetsKey: key }) => ({
    signers: [ecdsaKey(), key],
  })),
  firstTargets("the same signature twice", accepted, ({ targetsKey: key }) => ({ signers: [key, key] })),
  {
    rule: "B",
    name: "one key signing twice for threshold 2",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const key = repository.targetsKey;
      const root = repository.root({ targets: { keys: [key, ecdsaKey()], threshold: 2 } });
      return { repository, upload: [root, repository.targets({ signers: [key, key] })], expected: belowThreshold };
    },
  },
  {
    rule: "B",
    name: "a key listed under an ID that is not its own",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const key = repository.targetsKey;
      const wrongId = "cd".repeat(32);
      const misnamed = { ...key, id: wrongId };
      const root = repository.root({ targets: { keys: [misnamed] } });
      return {
        repository,
        upload: [root, repository.targets({ signers: [misnamed] })],
        expected: refused("ErrBadTargets", "key ID is not valid for key content"),
      };
    },
  },
  targetsKey("an ed25519 key", accepted, ed25519Key()),
  targetsKey("an RSA key with PSS", accepted, rsaKey()),
  targetsKey("an RSA key with PKCS#1 v1.5", accepted, rsaKey(2048, "rsapkcs1v15")),
  targetsKey("an RSA 1024 key", belowThreshold, rsaKey(1024)),
  targetsKey("a P-384 key", accepted, ecdsaKey("P-384")),
  targetsKey("the method in capitals", accepted, p256, (part) => rename(part, '"method":"ecdsa"', '"method":"ECDSA"')),
  targetsKey("the method of another kind of key", belowThreshold, p256, (part) =>
    rename(part, '"method":"ecdsa"', '"method":"eddsa"'),
  ),
  targetsKey("an unknown method", belowThreshold, p256, (part) => rename(part, '"method":"ecdsa"', '"method":"none"')),
  targetsText("signed bytes changed after signing", belowThreshold, (signed, key) =>
    file(signed, key, canonical({ ...signed, version: 2 })),
  ),
  targetsText("signatures first, then structure", belowThreshold, (signed, key) =>
    file(signed, key, canonical({ ...signed, _type: "Foo" })),
  ),
  edited("_type Foo", refused("ErrBadTargets", "targets type metadata invalid: expected type Targets, not Foo"), {
    _type: "Foo",
  }),
  firstTargets("no _type", refused("ErrBadTargets", "targets type metadata invalid: expected type Targets, not "), {
    edit: (signed) => without(signed, "_type"),
  }),
  edited("version 0", refused("ErrBadTargets", "targets type metadata invalid: version cannot be less than one"), {
    version: 0,
  }),
  edited("version -1", refused("ErrBadTargets", "targets type metadata invalid: version cannot be less than one"), {
    version: -1,
  }),
  edited("expired", refused("ErrBadTargets", "targets expired at Fri Nov 20 03:51:36 UTC 2020"), {
    expires: "2020-11-20T03:51:36.987654321Z",
  }),
  firstTargets("no expires", refused("ErrBadTargets", "targets expired at Mon Jan 1 00:00:00 UTC 0001"), {
    edit: (signed) => without(signed, "expires"),
  }),
  edited("expires with an offset", accepted, { expires: "2036-01-02T03:04:05.5+01:00" }),
  edited("expires that is no time", malformedJson, { expires: "tomorrow" }),
  edited("expires without a zone", malformedJson, { expires: "2036-01-02T03:04:05" }),
  edited("version as a text", malformedJson, { version: "1" }),
  targetsText("sig that is not base64", malformedJson, (signed, key) =>
    file(signed, key).replace(/"sig":"/, '"sig":"!'),
  ),
  targetsText("an array for a file", malformedJson, () => "[]"),
  targetsText("an empty file", malformedJson, () => ""),
  targetsText("cut off in the middle", malformedJson, (signed, key) => file(signed, key).slice(0, 100)),
  targetsText("`signed` a text", malformedJson, () => '{"signed":"x","signatures":[]}'),
  targetsText("no `signed`", refused("ErrBadTargets", "tuf: data has no signatures"), () => '{"signatures":[]}'),
  targetsText(
    "`signed` null",
    refused("ErrBadTargets", "tuf: data has no signatures"),
    () => '{"signed":null,"signatures":null}',
  ),
  edited(
    "a _type of 2000 letters",
    refused(
      "ErrBadTargets",
      `${`targets type metadata invalid: expected type Targets, not ${"x".repeat(2000)}`.slice(0, 120)}…`,
    ),
    { _type: "x".repeat(2000) },
    {
      original: {
        answers: refused(
          "ErrBadTargets",
          `targets type metadata invalid: expected type Targets, not ${"x".repeat(2000)}`,
        ),
        because: "clients read 1024 bytes of an error and then say nothing of the reason",
      },
    },
  ),
  targetsText(
    "a signature entry that is null",
    malformedJson,
    (signed, key) => file(signed, key).replace('"signatures":[', '"signatures":[null,'),
    { original: { answers: accepted, because: "no client writes such a thing" } },
  ),
  firstTargets(
    "257 signatures",
    refused("ErrBadTargets", "targets has 257 signatures, more than the limit of 256"),
    ({ targetsKey: key }) => ({ signers: Array.from({ length: 257 }, () => key) }),
    { original: { answers: accepted, because: "each signature costs a verification, so their number is limited" } },
  ),
  edited(
    "lists in lists, 100 deep",
    refused("ErrBadTargets", "the file is nested deeper than the limit of 64 levels"),
    withTargets({ v1: { custom: nested(100), hashes: {}, length: 1 } }),
    { original: { answers: accepted, because: "depth is limited so that no reader runs out of stack" } },
  ),
  edited("targets null", accepted, withTargets(null)),
  firstTargets("no targets member", accepted, { edit: (signed) => without(signed, "targets") }),
  firstTargets("no delegations member", accepted, { edit: (signed) => without(signed, "delegations") }),
  edited("delegations null", accepted, { delegations: null }),
  edited("a target without hashes", accepted, withTargets({ v1: { hashes: {}, length: 1 } })),
  edited("a target of negative length", accepted, withTargets({ v1: { hashes: { sha256: aHash }, length: -1 } })),
  edited(
    "a target hash that is not base64",
    refused("ErrBadTargets", "illegal base64 data at input byte 0"),
    withTargets({ v1: { hashes: { sha256: "!!" }, length: 1 } }),
  ),
  edited("an unknown member", accepted, { comment: "kept, as it was signed" }),
  edited(
    "a custom value",
    accepted,
    withTargets({ v1: { custom: { b: [1, null], a: "<&>" }, hashes: {}, length: 1 } }),
  ),
  targetsText("pretty-printed", accepted, (signed, key) => file(signed, key, JSON.stringify(signed, null, 2))),
  targetsText("white space after the file", accepted, (signed, key) => `${file(signed, key)}\n\n`),
  targetsText("text after the file", malformedJson, (signed, key) => `${file(signed, key)}xx`, {
    original: {
      answers: refused("ErrBadTargets", "invalid character 'x' after top-level value"),
      because: "it is no JSON, and we look at the whole file at once",
    },
  }),
  edited(
    "a fraction in custom",
    refused("ErrBadTargets", "invalid JSON at byte 125: a number that is not written as an integer"),
    withTargets({ v1: { custom: 1.5, hashes: {}, length: 1 } }),
    {
      original: {
        answers: refused("ErrBadTargets", "json: unsupported value: 1.5"),
        because: "the reason names the place, as for all JSON we do not take",
      },
    },
  ),
  targetsText(
    "a member twice",
    refused("ErrBadTargets", 'invalid JSON at byte 20: duplicate member "a"'),
    (signed, key) => file({ ...signed, a: 1 }, key, `{"a":2,"a":1,${canonical(signed).slice(1)}`),
    { original: { answers: accepted, because: strictJson } },
  ),
  targetsText(
    "a member in other letters",
    refused("ErrBadTargets", "tuf: data has no signatures"),
    (signed, key) => file(signed, key).replace('"signed"', '"SIGNED"'),
    { original: { answers: accepted, because: strictJson } },
  ),
  {
    rule: "E",
    name: "a version beyond 32 bits",
    given: async (server) => {
      const repository = await TestRepository.published(server);
      return { repository, upload: [repository.targets({ version: 2 ** 31 })], expected: versionConflict };
    },
    original: { answers: accepted, because: "its store in memory has no limit; with PostgreSQL it answers as we do" },
  },
  {
    rule: "B",
    name: "targets 3 over 1",
    given: async (server) => {
      const repository = await TestRepository.published(server);
      return { repository, upload: [repository.targets({ version: 3 })], expected: accepted };
    },
  },
  ...[1, 2].map((version): UploadCase => ({
    rule: "E",
    name: `targets ${version} over 2`,
    given: async (server) => {
      const repository = await TestRepository.published(server, { targets: { version: 2 } });
      return { repository, upload: [repository.targets({ version })], expected: versionConflict };
    },
  })),
];
