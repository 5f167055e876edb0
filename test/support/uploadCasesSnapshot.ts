import { asMembers, ecdsaKey, sha256Hex, without } from "./rawMetadata.ts";
import type { JsonMembers } from "./rawMetadata.ts";
import { delegation, TestRepository } from "./testRepository.ts";
import type { FileOptions, Part } from "./testRepository.ts";
import { accepted, refused, versionConflict } from "./uploadCase.ts";
import type { Expected, UploadCase } from "./uploadCase.ts";

/** A first upload of root, targets and this snapshot of the publisher's. */
function firstSnapshot(name: string, expected: Expected, options: FileOptions = {}): UploadCase {
  return {
    rule: "C",
    name,
    given: async (server) => {
      const repository = await TestRepository.create(server, { snapshot: "client" });
      const root = repository.root();
      const targets = repository.targets();
      return { repository, upload: [root, targets, repository.snapshot({ root, targets }, options)], expected };
    },
  };
}

/** A first snapshot whose `meta` has this entry for `role`; undefined leaves it out. */
function entry(
  role: "root" | "targets",
  name: string,
  expected: Expected,
  change: (meta: JsonMembers) => JsonMembers | undefined,
): UploadCase {
  return firstSnapshot(`${role}: ${name}`, expected, {
    edit: (signed) => {
      const meta = asMembers(signed["meta"]);
      const changed = change(asMembers(meta[role]));
      return { ...signed, meta: { ...without(meta, role), ...(changed && { [role]: changed }) } };
    },
  });
}

const invalid = (why: string): Expected => refused("ErrBadSnapshot", `snapshot type metadata invalid: ${why}`);
const mismatch = (role: string, hash: Buffer, algorithm = "sha256"): Expected =>
  refused("ErrBadSnapshot", `${algorithm} checksum for ${role} did not match: expected ${hash.toString("hex")}`);
const noSnapshotKey = refused(
  "ErrBadHierarchy",
  "no snapshot was included in update and server does not hold current snapshot key for repository",
);

const unwritable = refused(
  "ErrValidation",
  "json: error calling MarshalJSON for type *json.RawMessage: invalid character '\\t' in string literal",
);

const wrong256 = Buffer.alloc(32, 9);
const wrong512 = Buffer.alloc(64, 9);
const sha256Of = (bytes: Buffer): JsonMembers => ({ hashes: { sha256: bytes.toString("base64") }, length: 1 });

/** Leaves one digest to compare: the original compares several in no fixed order. */
function onlySha256Of(role: string): NonNullable<FileOptions["edit"]> {
  return (signed) => {
    const meta = asMembers(signed["meta"]);
    return { ...signed, meta: { ...meta, [role]: onlySha256(asMembers(meta[role])) } };
  };
}

function onlySha256(meta: JsonMembers): JsonMembers {
  return { hashes: without(asMembers(meta["hashes"]), "sha512"), length: 1 };
}

/** An upload to a published repository whose publisher keeps the snapshot key. */
function second(
  rule: string,
  name: string,
  expected: Expected,
  upload: (repository: TestRepository) => readonly Part[],
  options: Parameters<typeof TestRepository.published>[1] = { snapshot: "client" },
): UploadCase {
  return {
    rule,
    name,
    given: async (server) => {
      const repository = await TestRepository.published(server, options);
      return { repository, upload: upload(repository), expected };
    },
  };
}

export const snapshotCases: readonly UploadCase[] = [
  firstSnapshot("a good one", accepted),
  firstSnapshot("no signatures", refused("ErrBadSnapshot", "tuf: data has no signatures"), { signers: [] }),
  firstSnapshot(
    "signed by a stranger",
    refused("ErrBadSnapshot", "valid signatures did not meet threshold for snapshot"),
    {
      signers: [ecdsaKey()],
    },
  ),
  firstSnapshot("_type in small letters", invalid("expected type Snapshot, not snapshot"), {
    edit: (signed) => ({ ...signed, _type: "snapshot" }),
  }),
  firstSnapshot("version 0", invalid("version cannot be less than one"), { version: 0 }),
  firstSnapshot("expired", refused("ErrBadSnapshot", "snapshot expired at Fri Nov 20 03:51:36 UTC 2020"), {
    expires: "2020-11-20T03:51:36Z",
  }),
  firstSnapshot("no meta", invalid("missing root sha256 checksum information"), {
    edit: (signed) => without(signed, "meta"),
  }),
  ...(["root", "targets"] as const).flatMap((role) => [
    entry(role, "not listed", invalid(`missing ${role} sha256 checksum information`), () => undefined),
    entry(role, "no sha256", invalid(`missing ${role} sha256 checksum information`), (meta) => ({
      ...meta,
      hashes: without(asMembers(meta["hashes"]), "sha256"),
    })),
    entry(role, "sha256 too short", invalid(`invalid ${role} checksum information, sha256 checksum invalid`), () =>
      sha256Of(wrong256.subarray(1)),
    ),
    entry(role, "sha256 of something else", mismatch(role, wrong256), () => sha256Of(wrong256)),
    entry(role, "sha512 of something else", mismatch(role, wrong512, "sha512"), (meta) => ({
      ...meta,
      hashes: { ...asMembers(meta["hashes"]), sha512: wrong512.toString("base64") },
    })),
    entry(role, "sha256 alone and a wrong length", accepted, onlySha256),
  ]),
  {
    rule: "C",
    name: "root and a snapshot without targets being uploaded",
    given: async (server) => {
      const repository = await TestRepository.create(server, { snapshot: "client" });
      const root = repository.root();
      return {
        repository,
        upload: [root, repository.snapshot({ root, targets: repository.targets() })],
        expected: accepted,
      };
    },
  },
  second("C", "root and snapshot, the snapshot naming targets nobody has", accepted, (repository) => {
    const root = repository.root({ version: 2 });
    return [root, repository.snapshot({ root, targets: repository.targets({ version: 7 }) }, { version: 2 })];
  }),
  second("C", "a snapshot alone, its root not the stored one", mismatch("root", wrong256), (repository) => {
    const [root, targets] = [repository.root(), repository.targets()];
    const edit = (signed: JsonMembers): JsonMembers => ({
      ...signed,
      meta: { ...asMembers(signed["meta"]), root: sha256Of(wrong256) },
    });
    return [repository.snapshot({ root, targets }, { version: 2, edit })];
  }),
  {
    rule: "C",
    name: "targets with white space at the end, the snapshot hashed without it",
    given: async (server) => {
      const repository = await TestRepository.create(server, { snapshot: "client" });
      const root = repository.root();
      const targets = repository.targets();
      const padded = { role: "targets", content: `${String(targets.content)}\n` };
      return {
        repository,
        upload: [root, padded, repository.snapshot({ root, targets }, { edit: onlySha256Of("targets") })],
        expected: mismatch("targets", Buffer.from(sha256Hex(String(targets.content)), "hex")),
      };
    },
  },
  {
    rule: "C",
    name: "a delegation the snapshot does not list",
    given: async (server) => {
      const repository = await TestRepository.create(server, { snapshot: "client" });
      const key = ecdsaKey();
      const root = repository.root();
      const targets = repository.targets({ delegations: delegation("targets/a", [key]) });
      return {
        repository,
        upload: [root, targets, repository.delegated("targets/a", [key]), repository.snapshot({ root, targets })],
        expected: refused("ErrBadSnapshot", "no checksums for supported algorithms were provided for targets/a"),
      };
    },
  },
  {
    rule: "C",
    name: "a delegation the snapshot has another hash for",
    given: async (server) => {
      const repository = await TestRepository.create(server, { snapshot: "client" });
      const key = ecdsaKey();
      const root = repository.root();
      const targets = repository.targets({ delegations: delegation("targets/a", [key]) });
      const snapshot = repository.snapshot(
        { root, targets },
        {
          edit: (signed) => ({
            ...signed,
            meta: { ...asMembers(signed["meta"]), "targets/a": sha256Of(wrong256) },
          }),
        },
      );
      return {
        repository,
        upload: [root, targets, repository.delegated("targets/a", [key]), snapshot],
        expected: mismatch("targets/a", wrong256),
      };
    },
  },
  second("C'", "targets alone, the snapshot key with the publisher", noSnapshotKey, (repository) => [
    repository.targets({ version: 2 }),
  ]),
  second("C'", "nothing at all, the snapshot key with the publisher", noSnapshotKey, () => []),
  second(
    "C'",
    "targets alone, the snapshot key with the server",
    accepted,
    (repository) => [repository.targets({ version: 2 })],
    {},
  ),
  second("C'", "nothing at all, the snapshot key with the server", accepted, () => [], {}),
  {
    rule: "C'",
    name: "a first root alone",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      return {
        repository,
        upload: [repository.root()],
        expected: refused("ErrValidation", "targets must be loaded first"),
      };
    },
  },
  {
    rule: "C'",
    name: "a first root and targets, the snapshot key with the publisher",
    given: async (server) => {
      const repository = await TestRepository.create(server, { snapshot: "client" });
      return { repository, upload: [repository.root(), repository.targets()], expected: noSnapshotKey };
    },
  },
  {
    rule: "D",
    name: "a first root whose timestamp key the server does not hold",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      return {
        repository,
        upload: [repository.root({ timestamp: { keys: [ecdsaKey()] } }), repository.targets()],
        expected: refused("ErrBadRoot", "no  timestamp keys exist on the server"),
      };
    },
  },
  second(
    "C'",
    "a control character in a name, the snapshot key with the server",
    unwritable,
    (repository) => [repository.targets({ version: 2, targets: { "a\tb": { hashes: {}, length: 0 } } })],
    {},
  ),
  second("C'", "a control character in a name, the snapshot key with the publisher", accepted, (repository) => {
    const root = repository.root({ version: 2 });
    const targets = repository.targets({ version: 2, targets: { "a\tb": { hashes: {}, length: 0 } } });
    return [root, targets, repository.snapshot({ root, targets }, { version: 2 })];
  }),
  second("D", "a control character in the publisher's snapshot", unwritable, (repository) => {
    const root = repository.root({ version: 2 });
    const targets = repository.targets({ version: 2 });
    return [root, targets, repository.snapshot({ root, targets, "a\tb": targets }, { version: 2 })];
  }),
  second("E", "targets 2 and a snapshot of the stored version", versionConflict, (repository) => {
    const root = repository.root();
    const targets = repository.targets({ version: 2 });
    return [root, targets, repository.snapshot({ root, targets })];
  }),
  second("E", "targets 2 and snapshot 9 over 1", accepted, (repository) => {
    const root = repository.root({ version: 2 });
    const targets = repository.targets({ version: 2 });
    return [root, targets, repository.snapshot({ root, targets }, { version: 9 })];
  }),
];
