import { generateKeyPairSync } from "node:crypto";
import { makeCertificate, pem } from "./certificates.ts";
import { asMembers, certificateKey, ecdsaKey, ed25519Key, without } from "./rawMetadata.ts";
import type { CertificateKeyOptions, JsonMembers, TestKey } from "./rawMetadata.ts";
import { day, TestRepository } from "./testRepository.ts";
import type { RootOptions } from "./testRepository.ts";
import { accepted, refused } from "./uploadCase.ts";
import type { Expected, UploadCase } from "./uploadCase.ts";

const noLeaf = refused(
  "ErrBadRoot",
  "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
);
const noIntegrity = refused(
  "ErrBadRoot",
  "could not validate the path to a trusted root: failed to validate integrity of roots",
);

/** A first upload of root and targets whose root is made with `options`. */
function firstRoot(
  rule: string,
  name: string,
  expected: Expected,
  options: RootOptions | ((repository: TestRepository) => RootOptions) = {},
  more: Pick<UploadCase, "original"> = {},
): UploadCase {
  return {
    rule,
    name,
    ...more,
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const root = repository.root(typeof options === "function" ? options(repository) : options);
      return { repository, upload: [root, repository.targets()], expected };
    },
  };
}

/** A first upload whose only root key is `make(gun)`. */
function rootKey(
  rule: string,
  name: string,
  expected: Expected,
  make: (gun: string) => TestKey,
  more: Pick<UploadCase, "original"> = {},
): UploadCase {
  return firstRoot(rule, name, expected, ({ gun }) => ({ root: { keys: [make(gun)] } }), more);
}

function certificate(rule: string, name: string, expected: Expected, options: CertificateKeyOptions): UploadCase {
  return rootKey(rule, name, expected, (gun) => certificateKey(gun, options));
}

function version(number: number): UploadCase {
  return firstRoot(
    "A3",
    `first root ${number}`,
    number === 1 || number === 2
      ? accepted
      : refused("ErrBadRoot", `Root modifications must increment the version. Current 1, new ${number}`),
    { version: number },
  );
}

function withRoles(edit: (roles: JsonMembers) => JsonMembers): RootOptions {
  return { edit: (signed) => ({ ...signed, roles: edit(asMembers(signed["roles"])) }) };
}

const authority = { commonName: "an authority", key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey };
const authorityCertificate = makeCertificate({ ...authority, ca: true });
const expiredAuthority = makeCertificate({ ...authority, ca: true, notAfter: new Date(Date.now() - day) });

export const rootCases: readonly UploadCase[] = [
  {
    rule: "A2",
    name: "no root stored and none uploaded",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      return {
        repository,
        upload: [repository.targets()],
        expected: refused("ErrValidation", "no pre-existing root and no root provided in update."),
      };
    },
  },
  ...[-1, 0, 1, 2, 3].map(version),
  ...[1, 2, 3].map((number): UploadCase => ({
    rule: "A3",
    name: `root ${number} over a stored root 2`,
    given: async (server) => {
      const repository = await TestRepository.published(server);
      await repository.publish(repository.root({ version: 2 }));
      const refusal =
        number === 1
          ? refused("ErrBadRoot", "Root modifications must increment the version. Current 2, new 1")
          : { status: 400, code: "VERSION", detail: {} };
      return {
        repository,
        upload: [repository.root({ version: number })],
        expected: number === 3 ? accepted : refusal,
      };
    },
  })),
  firstRoot(
    "A3",
    "a root without `signed` has version 0",
    {
      ...refused("ErrBadRoot", "Root modifications must increment the version. Current 1, new 0"),
    },
    { edit: () => ({}) },
  ),
  firstRoot(
    "A4",
    "_type in small letters",
    refused("ErrBadRoot", "root type metadata invalid: expected type Root, not root"),
    {
      edit: (signed) => ({ ...signed, _type: "root" }),
    },
  ),
  ...["root", "targets", "snapshot", "timestamp"].map((role) =>
    firstRoot(
      "A4",
      `no ${role} role`,
      refused("ErrBadRoot", `root type metadata invalid: missing ${role} role specification`),
      withRoles((roles) => without(roles, role)),
    ),
  ),
  firstRoot(
    "A4",
    "threshold 0",
    refused("ErrBadRoot", "root type metadata invalid: invalid threshold specified for targets: 0 "),
    withRoles((roles) => ({ ...roles, targets: { ...asMembers(roles["targets"]), threshold: 0 } })),
  ),
  firstRoot(
    "A4",
    "a key ID without its key",
    refused(
      "ErrBadRoot",
      `root type metadata invalid: key ID ${"ab".repeat(32)} specified in targets without corresponding key`,
    ),
    withRoles((roles) => ({ ...roles, targets: { keyids: ["ab".repeat(32)], threshold: 1 } })),
  ),
  firstRoot(
    "A4",
    "a fifth role",
    accepted,
    withRoles((roles) => ({ ...roles, extra: { keyids: [], threshold: 1 } })),
  ),
  firstRoot(
    "A4",
    "a threshold above the number of keys, for a role not in this upload",
    accepted,
    withRoles((roles) => ({ ...roles, extra: { keyids: [], threshold: 3 } })),
  ),
  rootKey("A4", "a bare ecdsa root key", noLeaf, () => ecdsaKey()),
  rootKey("A4", "a bare ed25519 root key", noLeaf, () => ed25519Key()),
  certificate("A4", "a P-384 certificate", accepted, { curve: "P-384" }),
  certificate("A4", "an RSA 2048 certificate", accepted, { type: "rsa" }),
  certificate("A4", "an RSA 1024 certificate", noLeaf, { type: "rsa", modulusLength: 1024 }),
  certificate("A4", "a certificate signed with SHA-1", noLeaf, { digest: "sha1" }),
  certificate("A4", "an RSA certificate signed with SHA-1", noLeaf, { type: "rsa", digest: "sha1" }),
  certificate("A4", "a CA certificate", noLeaf, { ca: true }),
  certificate("A4", "a certificate without BasicConstraints", accepted, { ca: undefined }),
  certificate("A4", "an expired certificate", noLeaf, {
    notBefore: new Date(Date.now() - 2 * day),
    notAfter: new Date(Date.now() - day),
  }),
  certificate("A4", "a certificate valid in 12 hours", accepted, { notBefore: new Date(Date.now() + day / 2) }),
  certificate("A4", "a certificate valid in 2 days", noLeaf, { notBefore: new Date(Date.now() + 2 * day) }),
  certificate("A4", "a certificate that ends before it begins", noLeaf, {
    notBefore: new Date(Date.now() + day / 2),
    notAfter: new Date(Date.now() + day / 4),
  }),
  rootKey("A4", "another GUN as common name", noLeaf, () => certificateKey("case.test/another")),
  rootKey("A4", "the GUN in capitals as common name", noLeaf, (gun) => certificateKey(gun.toUpperCase())),
  rootKey("A4", "a prefix of the GUN as common name", noLeaf, (gun) => certificateKey(gun.slice(0, -1))),
  rootKey("A4", "a prefix of the GUN and * as common name", accepted, (gun) => certificateKey(`${gun.slice(0, -1)}*`)),
  rootKey("A4", "a prefix of the GUN and ** as common name", accepted, (gun) =>
    certificateKey(`${gun.slice(0, -1)}**`),
  ),
  rootKey("A4", "* as common name", accepted, () => certificateKey("*")),
  rootKey("A4", "* in the middle of the common name", noLeaf, (gun) => certificateKey(`case*${gun.slice(4)}`)),
  certificate("A4", "leaf and authority in one bundle", accepted, { bundle: (leaf) => leaf + authorityCertificate }),
  certificate("A4", "authority before the leaf", noLeaf, { bundle: (leaf) => authorityCertificate + leaf }),
  certificate("A4", "two leaves in one bundle", noLeaf, { bundle: (leaf) => leaf + leaf }),
  certificate("A4", "a block that is no certificate", noLeaf, {
    bundle: (leaf) => leaf + pem("PUBLIC KEY", Buffer.from("not a certificate")),
  }),
  certificate("A4", "no PEM at all", noLeaf, { bundle: () => "not PEM" }),
  firstRoot("A4", "one good certificate beside a bare key", accepted, ({ rootKey: good }) => ({
    root: { keys: [good, ecdsaKey()] },
    signers: [good],
  })),
  firstRoot("A6", "signed by the bare key beside a good certificate", noIntegrity, ({ rootKey: good }) => {
    const bare = ecdsaKey();
    return { root: { keys: [good, bare] }, signers: [bare] };
  }),
  firstRoot("A6", "no signatures", noIntegrity, { signers: [] }),
  firstRoot("A6", "signed by a stranger", noIntegrity, ({ gun }) => ({ signers: [certificateKey(gun)] })),
  firstRoot("A6", "threshold 2 with one key", noIntegrity, ({ rootKey: one }) => ({
    root: { keys: [one], threshold: 2 },
  })),
  firstRoot("A6", "one key signing twice for threshold 2", noIntegrity, ({ gun, rootKey: one }) => ({
    root: { keys: [one, certificateKey(gun)], threshold: 2 },
    signers: [one, one],
  })),
  firstRoot("A6", "two keys for threshold 2", accepted, ({ gun, rootKey: one }) => ({
    root: { keys: [one, certificateKey(gun)], threshold: 2 },
  })),
  certificate("A6", "CRLF in the PEM", noIntegrity, { bundle: (leaf) => leaf.replaceAll("\n", "\r\n") }),
  certificate("A6", "no newline at the end of the PEM", noIntegrity, { bundle: (leaf) => leaf.trimEnd() }),
  certificate("A6", "text before the PEM", noIntegrity, { bundle: (leaf) => `mine\n${leaf}` }),
  certificate("A6", "an expired authority in the bundle", noIntegrity, { bundle: (leaf) => leaf + expiredAuthority }),
  certificate("A6", "keytype ecdsa for a certificate", noIntegrity, { keytype: "ecdsa" }),
  firstRoot("A7", "an expired root", refused("ErrBadRoot", "root expired at Fri Nov 20 03:51:36 UTC 2020"), {
    expires: "2020-11-20T03:51:36Z",
  }),
  firstRoot(
    "A7",
    "an expired root, fraction and offset",
    refused("ErrBadRoot", "root expired at Fri Nov 20 04:51:36 +0100 2020"),
    {
      expires: "2020-11-20T04:51:36.5+01:00",
    },
  ),
];
