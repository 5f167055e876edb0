import { certificateKey, ecdsaKey } from "./rawMetadata.ts";
import type { TestKey } from "./rawMetadata.ts";
import { TestRepository } from "./testRepository.ts";
import type { Part } from "./testRepository.ts";
import { accepted, refused } from "./uploadCase.ts";
import type { Expected, UploadCase } from "./uploadCase.ts";

const notByOld = refused(
  "ErrBadRoot",
  "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates",
);
const noTimestampKey = refused("ErrBadRoot", "no  timestamp keys exist on the server");
const noSnapshotKey = refused(
  "ErrBadHierarchy",
  "no snapshot was included in update and server does not hold current snapshot key for repository",
);

/** A second root over a published repository. */
function secondRoot(
  rule: string,
  name: string,
  expected: Expected,
  upload: (repository: TestRepository) => Promise<readonly Part[]> | readonly Part[],
  options: Parameters<typeof TestRepository.published>[1] = {},
): UploadCase {
  return {
    rule,
    name,
    given: async (server) => {
      const repository = await TestRepository.published(server, options);
      return { repository, upload: await upload(repository), expected };
    },
  };
}

/** Root 2 with a new root key, signed by the chosen ones. */
function newRootKey(
  rule: string,
  name: string,
  expected: Expected,
  choose: (old: TestKey, fresh: TestKey) => TestKey[],
) {
  return secondRoot(rule, name, expected, (repository) => {
    const fresh = certificateKey(repository.gun);
    return [repository.root({ version: 2, root: { keys: [fresh] }, signers: choose(repository.rootKey, fresh) })];
  });
}

export const rotationCases: readonly UploadCase[] = [
  secondRoot("A3", "root 2 with the same keys", accepted, (repository) => [repository.root({ version: 2 })]),
  secondRoot(
    "A3",
    "root 3 over root 1",
    refused("ErrBadRoot", "Root modifications must increment the version. Current 1, new 3"),
    (repository) => [repository.root({ version: 3 })],
  ),
  newRootKey("A5", "a new root key, signed by the new one only", notByOld, (_, fresh) => [fresh]),
  newRootKey(
    "A6",
    "a new root key, signed by the old one only",
    refused("ErrBadRoot", "could not validate the path to a trusted root: failed to validate integrity of roots"),
    (old) => [old],
  ),
  newRootKey("A5", "a new root key, signed by both", accepted, (old, fresh) => [old, fresh]),
  secondRoot(
    "A4",
    "a new root key for another GUN",
    refused("ErrBadRoot", "could not validate the path to a trusted root: unable to retrieve valid leaf certificates"),
    (repository) => {
      const fresh = certificateKey("case.test/another");
      return [repository.root({ version: 2, root: { keys: [fresh] }, signers: [repository.rootKey, fresh] })];
    },
  ),
  ...[1, 2].map((signing): UploadCase => ({
    rule: "A5",
    name: `from 2 of 2 root keys to a third, ${signing} of the old ones signing`,
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const second = certificateKey(repository.gun);
      const third = certificateKey(repository.gun);
      const old = [repository.rootKey, second];
      await repository.publish(repository.root({ root: { keys: old, threshold: 2 } }), repository.targets());
      return {
        repository,
        upload: [repository.root({ version: 2, root: { keys: [third] }, signers: [...old.slice(0, signing), third] })],
        expected: signing === 2 ? accepted : notByOld,
      };
    },
  })),
  secondRoot("B", "a new targets key, the stored targets not signed by it", accepted, (repository) => [
    repository.root({ version: 2, targets: { keys: [ecdsaKey()] } }),
  ]),
  secondRoot("C'", "a new snapshot key the server holds", accepted, async (repository) => [
    repository.root({
      version: 2,
      snapshot: { keys: [await repository.server.key(repository.gun, "snapshot", "POST")] },
    }),
  ]),
  secondRoot("C'", "snapshot key from server to publisher, with a snapshot", accepted, (repository) => {
    const fresh = ecdsaKey();
    const root = repository.root({ version: 2, snapshot: { keys: [fresh] } });
    const targets = repository.targets({ version: 2 });
    return [root, targets, repository.snapshot({ root, targets }, { version: 2, signers: [fresh] })];
  }),
  secondRoot("C'", "snapshot key from server to publisher, without a snapshot", noSnapshotKey, (repository) => [
    repository.root({ version: 2, snapshot: { keys: [ecdsaKey()] } }),
  ]),
  secondRoot(
    "C'",
    "snapshot key from publisher to server",
    accepted,
    async (repository) => [
      repository.root({
        version: 2,
        snapshot: { keys: [await repository.server.key(repository.gun, "snapshot", "POST")] },
      }),
    ],
    { snapshot: "client" },
  ),
  secondRoot("D", "a new timestamp key the server holds", accepted, async (repository) => [
    repository.root({
      version: 2,
      timestamp: { keys: [await repository.server.key(repository.gun, "timestamp", "POST")] },
    }),
  ]),
  secondRoot("D", "a timestamp key of the publisher", noTimestampKey, (repository) => [
    repository.root({ version: 2, timestamp: { keys: [ecdsaKey()] } }),
  ]),
  secondRoot("D", "two timestamp keys, one of them held", accepted, (repository) => [
    repository.root({ version: 2, timestamp: { keys: [repository.timestampKey, ecdsaKey()] } }),
  ]),
  secondRoot("D", "fewer timestamp keys held than the threshold", noTimestampKey, (repository) => [
    repository.root({ version: 2, timestamp: { keys: [repository.timestampKey, ecdsaKey()], threshold: 2 } }),
  ]),
  secondRoot("D", "a timestamp threshold above the number of keys", noTimestampKey, (repository) => [
    repository.root({ version: 2, timestamp: { keys: [repository.timestampKey], threshold: 2 } }),
  ]),
  secondRoot("C'", "fewer snapshot keys held than the threshold", noSnapshotKey, (repository) => [
    repository.root({ version: 2, snapshot: { keys: [repository.snapshotKey, ecdsaKey()], threshold: 2 } }),
  ]),
];
