import { certificateKey, ecdsaKey, ed25519Key } from "./rawMetadata.ts";
import type { TestKey } from "./rawMetadata.ts";
import { day, delegation, TestRepository } from "./testRepository.ts";
import type { Part, TargetsOptions } from "./testRepository.ts";
import { accepted, refused, refusedWithoutDetail } from "./uploadCase.ts";
import type { Expected, UploadCase } from "./uploadCase.ts";

interface Delegating {
  readonly repository: TestRepository;
  readonly key: TestKey;
}

/** An upload to a repository whose targets delegate `targets/a` to `key`. */
function delegating(
  name: string,
  expected: Expected,
  upload: (given: Delegating) => Promise<readonly Part[]> | readonly Part[],
  more: Pick<UploadCase, "original"> & {
    key?: TestKey;
    delegations?: (key: TestKey) => TargetsOptions["delegations"];
  } = {},
): UploadCase {
  const { key = ecdsaKey(), delegations = (key: TestKey) => delegation("targets/a", [key]) } = more;
  return {
    rule: "B",
    name,
    ...(more.original && { original: more.original }),
    given: async (server) => {
      const found = delegations(key);
      const repository = await TestRepository.published(server, { targets: found ? { delegations: found } : {} });
      return { repository, upload: await upload({ repository, key }), expected };
    },
  };
}

/** Targets 2 whose delegations are these. */
function badDelegations(
  name: string,
  why: string,
  delegations: NonNullable<TargetsOptions["delegations"]>,
): UploadCase {
  return delegating(name, refused("ErrBadTargets", `targets type metadata invalid: ${why}`), ({ repository }) => [
    repository.targets({ version: 2, delegations }),
  ]);
}

const noSuchRole = (role: string): Expected =>
  refused("ErrBadTargets", `tuf: invalid role ${role}. delegation does not exist`);

const other = ecdsaKey();
const otherCertified = certificateKey("a signer", { key: other.private });
const certified = (notAfter: Date): TestKey =>
  certificateKey("a signer", { notBefore: new Date(Date.now() - 30 * day), notAfter });

export const delegationCases: readonly UploadCase[] = [
  delegating(
    "parents are judged before children, whatever the order of the parts",
    refused("ErrBadTargets", "valid signatures did not meet threshold for targets"),
    ({ repository }) => [repository.delegated("targets/a", []), repository.targets({ version: 2, signers: [other] })],
  ),
  delegating("siblings are judged by name", noSuchRole("targets/b"), ({ repository }) => [
    repository.delegated("targets/c", []),
    repository.delegated("targets/b", []),
  ]),
  delegating("a delegation alone", accepted, ({ repository, key }) => [repository.delegated("targets/a", [key])]),
  delegating("a delegation together with its parent", accepted, ({ repository }) => [
    repository.delegated("targets/b", [other]),
    repository.targets({ version: 2, delegations: delegation("targets/b", [other]) }),
  ]),
  delegating("a delegation and its child at once", accepted, ({ repository, key }) => [
    repository.delegated("targets/a/b", [other]),
    repository.delegated("targets/a", [key], { delegations: delegation("targets/a/b", [other]) }),
  ]),
  delegating("a child alone, its parent stored", accepted, async ({ repository, key }) => {
    await repository.publish(
      repository.delegated("targets/a", [key], { delegations: delegation("targets/a/b", [other]) }),
    );
    return [repository.delegated("targets/a/b", [other])];
  }),
  delegating("a delegation nobody delegates to", noSuchRole("targets/b"), ({ repository }) => [
    repository.delegated("targets/b", [other]),
  ]),
  delegating(
    "a child of a delegation that does not list it",
    noSuchRole("targets/a/b"),
    async ({ repository, key }) => {
      await repository.publish(repository.delegated("targets/a", [key]));
      return [repository.delegated("targets/a/b", [other])];
    },
  ),
  delegating("a child whose parent is listed but was never published", noSuchRole("targets/a/b"), ({ repository }) => [
    repository.delegated("targets/a/b", [other]),
  ]),
  delegating("a child of a parent nobody has", noSuchRole("targets/x/y"), ({ repository }) => [
    repository.delegated("targets/x/y", [other]),
  ]),
  delegating("a delegation after it was removed", noSuchRole("targets/a"), async ({ repository, key }) => {
    await repository.publish(repository.delegated("targets/a", [key]));
    await repository.publish(repository.targets({ version: 2 }));
    return [repository.delegated("targets/a", [key], { version: 2 })];
  }),
  delegating(
    "signed by a stranger",
    refused("ErrBadTargets", "valid signatures did not meet threshold for targets/a"),
    ({ repository }) => [repository.delegated("targets/a", [other])],
  ),
  delegating("no signatures", refused("ErrBadTargets", "tuf: data has no signatures"), ({ repository }) => [
    repository.delegated("targets/a", []),
  ]),
  delegating(
    "threshold 2, one key signing twice",
    refused("ErrBadTargets", "valid signatures did not meet threshold for targets/a"),
    ({ repository, key }) => [repository.delegated("targets/a", [key, key])],
    { delegations: (key) => delegation("targets/a", [key, other], { threshold: 2 }) },
  ),
  delegating(
    "threshold 2, both keys signing",
    accepted,
    ({ repository, key }) => [repository.delegated("targets/a", [key, other])],
    { delegations: (key) => delegation("targets/a", [key, other], { threshold: 2 }) },
  ),
  delegating(
    "a delegation without paths",
    accepted,
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    { delegations: (key) => delegation("targets/a", [key], { paths: [] }) },
  ),
  delegating(
    "a target outside the delegated paths",
    accepted,
    ({ repository, key }) => [
      repository.delegated("targets/a", [key], { targets: { other: { hashes: {}, length: 0 } } }),
    ],
    { delegations: (key) => delegation("targets/a", [key], { paths: ["mine/"] }) },
  ),
  delegating(
    "structure before signatures",
    refused("ErrBadTargets", "targets/a type metadata invalid: expected type Targets, not Foo"),
    ({ repository }) => [
      repository.delegated("targets/a", [other], { edit: (signed) => ({ ...signed, _type: "Foo" }) }),
    ],
  ),
  delegating(
    "version 0",
    refused("ErrBadTargets", "targets/a type metadata invalid: version cannot be less than one"),
    ({ repository, key }) => [repository.delegated("targets/a", [key], { version: 0 })],
  ),
  delegating(
    "expired",
    refused("ErrBadTargets", "targets/a expired at Fri Nov 20 03:51:36 UTC 2020"),
    ({ repository, key }) => [repository.delegated("targets/a", [key], { expires: "2020-11-20T03:51:36Z" })],
  ),
  delegating("an ed25519 key", accepted, ({ repository, key }) => [repository.delegated("targets/a", [key])], {
    key: ed25519Key(),
  }),
  delegating("a certificate as key", accepted, ({ repository, key }) => [repository.delegated("targets/a", [key])], {
    key: certified(new Date(Date.now() + 30 * day)),
  }),
  delegating(
    "an expired certificate as key",
    accepted,
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    { key: certified(new Date(Date.now() - day)) },
  ),
  delegating(
    "a certificate signed with SHA-1 as key",
    refused("ErrBadTargets", "certificate with CN a signer uses invalid SHA1 signature algorithm"),
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    { key: certificateKey("a signer", { digest: "sha1" }) },
  ),
  delegating(
    "a certificate signed with SHA-1 listed beside the key that signs",
    refused("ErrBadTargets", "certificate with CN a signer uses invalid SHA1 signature algorithm"),
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    { delegations: (key) => delegation("targets/a", [key, certificateKey("a signer", { digest: "sha1" })]) },
  ),
  delegating(
    "an RSA 1024 certificate as key",
    refused("ErrBadTargets", "RSA bit length is too short"),
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    { key: certificateKey("a signer", { type: "rsa", modulusLength: 1024 }) },
  ),
  delegating(
    "a certificate that ends before it begins as key",
    refused("ErrBadTargets", "certificate validity window is invalid"),
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    {
      key: certificateKey("a signer", {
        notBefore: new Date(Date.now() + day / 2),
        notAfter: new Date(Date.now() + day / 4),
      }),
    },
  ),
  delegating(
    "a certificate nobody can read as key",
    refused("ErrBadTargets", "valid signatures did not meet threshold for targets/a"),
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    { key: certificateKey("a signer", { bundle: () => "not PEM" }) },
  ),
  delegating(
    "an authority's certificate as key",
    accepted,
    ({ repository, key }) => [repository.delegated("targets/a", [key])],
    { key: certificateKey("an authority", { ca: true }) },
  ),
  delegating(
    "one key under two IDs for threshold 2",
    refused("ErrBadTargets", "valid signatures did not meet threshold for targets/a"),
    ({ repository, key }) => [repository.delegated("targets/a", [key, otherCertified])],
    {
      key: other,
      delegations: (key) => delegation("targets/a", [key, otherCertified], { threshold: 2 }),
      original: { answers: accepted, because: "a threshold counts keys, not the names they go by" },
    },
  ),
  badDelegations(
    "a delegated role two levels down",
    "delegation role targets/a/b invalid",
    delegation("targets/a/b", [other]),
  ),
  badDelegations("a delegated role in capitals", "delegation role targets/A invalid", delegation("targets/A", [other])),
  badDelegations("a delegated base role", "delegation role snapshot invalid", delegation("snapshot", [other])),
  badDelegations(
    "a delegation with threshold 0",
    "invalid threshold specified for targets/a: 0 ",
    delegation("targets/a", [other], { threshold: 0 }),
  ),
  badDelegations(
    "a delegation naming a key that is not there",
    `key ID ${other.id} specified in targets/a without corresponding key`,
    {
      ...delegation("targets/a", [other]),
      keys: {},
    },
  ),
  delegating(
    "a child delegation of another parent",
    refused("ErrBadTargets", "targets/a type metadata invalid: delegation role targets/b invalid"),
    ({ repository, key }) => [
      repository.delegated("targets/a", [key], { delegations: delegation("targets/b", [other]) }),
    ],
  ),
  delegating("a threshold above the number of keys", accepted, ({ repository, key }) => [
    repository.targets({ version: 2, delegations: delegation("targets/a", [key], { threshold: 2 }) }),
  ]),
  delegating(
    "a delegation over stored targets that no longer verify",
    refused("ErrBadTargets", "valid signatures did not meet threshold for targets"),
    async ({ repository, key }) => {
      await repository.publish(repository.root({ version: 2, targets: { keys: [other] } }));
      return [repository.delegated("targets/a", [key])];
    },
    {
      original: {
        answers: refusedWithoutDetail,
        because: "the publisher can mend this by publishing targets again, so we say what is wrong",
      },
    },
  ),
  delegating(
    "a delegated role that is null",
    refused("ErrBadTargets", "a delegated role must be an object, not null"),
    ({ repository }) => [repository.targets({ version: 2, delegations: { keys: {}, roles: [null] } })],
    { original: { answers: "no answer", because: "the original's handler crashes and the connection is closed" } },
  ),
  delegating(
    "a delegation in the version that is stored",
    { status: 400, code: "VERSION", detail: {} },
    async ({ repository, key }) => {
      await repository.publish(repository.delegated("targets/a", [key]));
      return [repository.delegated("targets/a", [key], { targets: { v1: { hashes: {}, length: 0 } } })];
    },
  ),
];
