/** Attack class "arbitrary installation" (TUF §9): files nobody entitled has signed, or that are something else. */
import { refuses } from "../support/attack.ts";
import {
  certificateKey,
  ecdsaKey,
  ed25519Key,
  rsaKey,
  type JsonMembers,
  type TestKey,
} from "../support/rawMetadata.ts";
import { without, type FileModel, type RepoSimulator } from "../support/repoSimulator.ts";

const onlineRoles = ["timestamp", "snapshot", "targets"] as const;

function model(repository: RepoSimulator, role: (typeof onlineRoles)[number]): FileModel {
  return role === "targets" ? repository.of("targets") : repository[role];
}

/** The same private key under another ID: once bare, once in a certificate. */
function twice(): [TestKey, TestKey] {
  const bare = ecdsaKey();
  return [bare, certificateKey("whatever", { key: bare.private })];
}

function withSignatures(repository: RepoSimulator, role: string, edit: (signatures: JsonMembers[]) => unknown[]): void {
  const file = JSON.parse(repository.file(role).toString()) as { signed: JsonMembers; signatures: JsonMembers[] };
  file.signatures = edit(file.signatures) as JsonMembers[];
  repository.files.set(role, Buffer.from(JSON.stringify(file)));
  if (role !== "timestamp") repository.buildTimestamp();
}

for (const role of onlineRoles) {
  refuses([
    {
      name: `an unsigned ${role}`,
      attack: (repository) => {
        model(repository, role).signers = [];
        repository.build();
      },
      code: "TUF_NO_SIGNATURES",
      message: "tuf: data has no signatures",
    },
    {
      name: `a ${role} signed by another key`,
      attack: (repository) => {
        model(repository, role).signers = [ecdsaKey()];
        repository.build();
      },
      code: "TUF_THRESHOLD",
      message: `valid signatures did not meet threshold for ${role}`,
    },
    {
      name: `a ${role} signed by the key of another role`,
      attack: (repository) => {
        model(repository, role).signers = repository.roles[role === "targets" ? "snapshot" : "targets"].keys;
        repository.build();
      },
      code: "TUF_THRESHOLD",
    },
    {
      name: `a ${role} signed by one key where two are needed`,
      given: (repository) => void (repository.roles[role] = { keys: [ecdsaKey(), ed25519Key()], threshold: 2 }),
      attack: (repository) => {
        model(repository, role).signers = repository.roles[role].keys.slice(0, 1);
        repository.build();
      },
      code: "TUF_THRESHOLD",
      message: `valid signatures did not meet threshold for ${role}`,
    },
    {
      name: `a ${role} with two signatures by one of two needed keys`,
      given: (repository) => void (repository.roles[role] = { keys: [ecdsaKey(), ecdsaKey()], threshold: 2 }),
      attack: (repository) => {
        const [key] = repository.roles[role].keys;
        model(repository, role).signers = [key!, key!];
        repository.build();
      },
      code: "TUF_THRESHOLD",
    },
    {
      name: `a ${role} signed by one key under two IDs where two keys are needed`,
      given: (repository) => void (repository.roles[role] = { keys: [...twice(), rsaKey()], threshold: 2 }),
      attack: (repository) => {
        model(repository, role).signers = repository.roles[role].keys.slice(0, 2);
        repository.build();
      },
      code: "TUF_THRESHOLD",
    },
    {
      name: `a ${role} changed after it was signed`,
      attack: (repository) => {
        repository.build();
        const text = repository.file(role).toString();
        repository.files.set(role, Buffer.from(text.replace('"2036-', '"2037-')));
        if (role === "targets") repository.buildSnapshot();
        if (role === "snapshot") repository.buildTimestamp();
      },
      code: "TUF_THRESHOLD",
    },
  ]);
}

refuses([
  {
    name: "a snapshot served as timestamp, signed by the timestamp key",
    attack: (repository) => {
      repository.snapshot.signers = repository.roles.timestamp.keys;
      repository.build();
      repository.files.set("timestamp", repository.file("snapshot"));
    },
    code: "TUF_MALFORMED",
    message: "timestamp type metadata invalid: expected type Timestamp, not Snapshot",
  },
  {
    name: "targets in another case",
    attack: (repository) => {
      repository.of("targets").edit = (signed) => ({ ...signed, _type: "targets" });
      repository.build();
    },
    code: "TUF_MALFORMED",
    message: "targets type metadata invalid: expected type Targets, not targets",
  },
  {
    name: "a signature whose method is of another kind than its key",
    attack: (repository) => {
      repository.build();
      withSignatures(repository, "timestamp", (signatures) => signatures.map((one) => ({ ...one, method: "eddsa" })));
    },
    code: "TUF_THRESHOLD",
  },
  {
    name: "a signature that is no base64",
    attack: (repository) => {
      repository.build();
      withSignatures(repository, "timestamp", (signatures) => signatures.map((one) => ({ ...one, sig: "zz" })));
    },
    code: "TUF_MALFORMED",
  },
  {
    name: "a delegation's key filed under the ID of the former one",
    given: (repository) => void repository.delegate("targets/a"),
    attack: (repository) => {
      const delegation = repository.of("targets").delegations[0]!;
      delegation.keys = delegation.keys.map(({ id }) => ({ ...ecdsaKey(), id }));
      repository.build();
    },
    code: "TUF_KEY_ID",
    message: "key ID is not valid for key content",
  },
  {
    name: "a root that lists no keys for a role it needs",
    attack: (repository) => {
      repository.root.version++;
      repository.root.edit = (signed) => ({ ...signed, keys: {} });
      repository.signRoot();
    },
    code: "TUF_MALFORMED",
    message: /^root type metadata invalid: key ID [0-9a-f]{64} specified in root without corresponding key$/,
  },
  {
    name: "a root with threshold 0 for targets",
    attack: (repository) => {
      repository.root.version++;
      repository.roles.targets.threshold = 0;
      repository.signRoot();
    },
    code: "TUF_MALFORMED",
    message: "root type metadata invalid: invalid threshold specified for targets: 0 ",
  },
  {
    name: "a root without a snapshot role",
    attack: (repository) => {
      repository.root.version++;
      repository.root.edit = (signed) => {
        return { ...signed, roles: without(signed["roles"] as JsonMembers, "snapshot") };
      };
      repository.signRoot();
    },
    code: "TUF_MALFORMED",
    message: "root type metadata invalid: missing snapshot role specification",
  },
  {
    name: "a new root signed only by the old keys",
    attack: (repository) => {
      const old = repository.roles.root.keys;
      repository.rotateRoot();
      repository.signRoot(old);
    },
    code: "TUF_ROOT_CERTIFICATE",
    message: "could not validate the path to a trusted root: failed to validate integrity of roots",
  },
  {
    name: "a new root signed only by the new keys",
    attack: (repository) => {
      repository.rotateRoot();
      repository.signRoot();
    },
    code: "TUF_ROOT_ROTATION",
    message: "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates",
  },
  {
    name: "a new root signed by one of two needed old keys",
    given: (repository) =>
      void (repository.roles.root = { keys: [repository.rootKey(), repository.rootKey()], threshold: 2 }),
    attack: (repository) => {
      const [old] = repository.roles.root.keys;
      repository.rotateRoot();
      repository.signRoot([old!, ...repository.roles.root.keys]);
    },
    code: "TUF_ROOT_ROTATION",
  },
  {
    name: "a new root whose certificate is for another collection",
    attack: (repository) => void repository.rotateRoot([certificateKey("sim.test/other")]),
    code: "TUF_ROOT_CERTIFICATE",
    message: "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
  },
  {
    name: "a new root with a bare key",
    attack: (repository) => void repository.rotateRoot([ecdsaKey()]),
    code: "TUF_ROOT_CERTIFICATE",
    message: "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
  },
  {
    name: "a new root with the certificate of an authority",
    attack: (repository) => void repository.rotateRoot([certificateKey(repository.gun, { ca: true })]),
    code: "TUF_ROOT_CERTIFICATE",
  },
  {
    name: "a delegation that is no child of the role that lists it",
    attack: (repository) => {
      repository.of("targets").delegations.push({ name: "targets/a/b", keys: [ecdsaKey()], threshold: 1, paths: [""] });
      repository.build();
    },
    code: "TUF_MALFORMED",
    message: "targets type metadata invalid: delegation role targets/a/b invalid",
  },
  {
    name: "a delegation whose name climbs out of its directory",
    attack: (repository) => {
      repository.of("targets").delegations.push({ name: "targets/..", keys: [ecdsaKey()], threshold: 1, paths: [""] });
      repository.build();
    },
    code: "TUF_MALFORMED",
    message: "targets type metadata invalid: delegation role targets/.. invalid",
  },
  {
    name: "a delegation listed twice, with other keys the second time",
    given: (repository) => void repository.delegate("targets/a"),
    attack: (repository) => {
      repository.of("targets").delegations.push({ name: "targets/a", keys: [ecdsaKey()], threshold: 1, paths: [""] });
      repository.build();
    },
    code: "TUF_MALFORMED",
  },
  {
    name: "a delegation with threshold 0",
    given: (repository) => void repository.delegate("targets/a"),
    attack: (repository) => {
      repository.of("targets").delegations[0]!.threshold = 0;
      repository.build();
    },
    code: "TUF_MALFORMED",
    message: "targets type metadata invalid: invalid threshold specified for targets/a: 0 ",
  },
  {
    name: "a delegation that lists a certificate signed with SHA-1",
    given: (repository) => void repository.delegate("targets/a"),
    attack: (repository) => {
      const delegation = repository.of("targets").delegations[0]!;
      delegation.keys.push(certificateKey("whoever", { type: "rsa", digest: "sha1" }));
      repository.build();
    },
    code: "TUF_CERTIFICATE",
  },
  {
    name: "a snapshot that does not pin root",
    attack: (repository) => {
      repository.unlisted.add("root");
      repository.build();
    },
    code: "TUF_MALFORMED",
    message: "snapshot type metadata invalid: missing root sha256 checksum information",
  },
  {
    name: "a timestamp that pins the snapshot by a hash of the wrong size",
    attack: (repository) => {
      const broken = { hashes: { sha256: "AAAA" }, length: 10 };
      repository.timestamp.edit = (signed) => ({ ...signed, meta: { snapshot: broken } });
      repository.build();
    },
    code: "TUF_MALFORMED",
    message: "timestamp type metadata invalid: invalid snapshot checksum information, sha256 checksum invalid",
  },
]);
