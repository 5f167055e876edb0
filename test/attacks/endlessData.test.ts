/** Attack class "endless data" (TUF §9): files, lists, nestings and walks without end. */
import { refuses } from "../support/attack.ts";
import { ecdsaKey, fileMeta, type Json } from "../support/rawMetadata.ts";

refuses([
  {
    name: "a timestamp above the limit",
    attack: (repository) => {
      repository.timestamp.edit = (signed) => ({ ...signed, padding: "x".repeat(4096) });
      repository.build();
    },
    limits: { timestampBytes: 4096 },
    code: "TUF_TOO_LARGE",
  },
  {
    name: "a snapshot longer than the timestamp says",
    attack: (repository) => {
      repository.build();
      repository.files.set("snapshot", Buffer.concat([repository.file("snapshot"), Buffer.from(" ")]));
    },
    code: "TUF_LENGTH",
    message: "trust server returned a bad response.",
  },
  {
    name: "targets longer than the snapshot says",
    attack: (repository) => {
      repository.build();
      repository.files.set("targets", Buffer.concat([repository.file("targets"), Buffer.from(" ")]));
    },
    code: "TUF_LENGTH",
    message: "trust server returned a bad response.",
  },
  {
    name: "a timestamp with more signatures than anybody verifies",
    attack: (repository) => {
      repository.timestamp.signers = Array.from({ length: 257 }, () => repository.roles.timestamp.keys[0]!);
      repository.build();
    },
    code: "TUF_TOO_LARGE",
  },
  {
    name: "a timestamp whose good signature comes after more wrong ones by its key than anybody tries",
    attack: (repository) => {
      const key = repository.roles.timestamp.keys[0]!;
      const wrong = Array.from({ length: 4 }, () => ({ ...ecdsaKey(), id: key.id }));
      repository.timestamp.signers = [...wrong, key];
      repository.build();
    },
    code: "TUF_THRESHOLD",
  },
  {
    name: "a timestamp nested deeper than anybody needs",
    attack: (repository) => {
      let deep: Json = [];
      for (let level = 0; level < 100; level++) deep = [deep];
      repository.timestamp.edit = (signed) => ({ ...signed, deep });
      repository.build();
    },
    code: "TUF_TOO_LARGE",
  },
  {
    name: "more newer roots than one update walks",
    attack: (repository) => {
      for (let step = 0; step < 3; step++) repository.rotateRoot(repository.roles.root.keys);
    },
    limits: { rootSteps: 2 },
    code: "TUF_TOO_LARGE",
  },
  {
    name: "more delegations than one collection may have",
    given: (repository) => {
      for (const name of ["targets/a", "targets/a/b", "targets/a/b/c"]) repository.delegate(name);
    },
    attack: (repository) => {
      repository.delegate("targets/a/b/c/d");
      repository.build();
    },
    limits: { delegations: 3 },
    code: "TUF_TOO_LARGE",
  },
  {
    name: "a chain of delegations whose names grow without end",
    attack: (repository) => {
      const name = `targets/${"a/".repeat(124)}a`;
      repository.of("targets").delegations.push({ name, keys: [ecdsaKey()], threshold: 1, paths: [""] });
      repository.build();
    },
    code: "TUF_MALFORMED",
  },
  {
    name: "a snapshot entry whose length is no number",
    attack: (repository) => {
      repository.timestamp.edit = (signed) => {
        return { ...signed, meta: { snapshot: { ...fileMeta(""), length: "endless" } } };
      };
      repository.build();
    },
    code: "TUF_MALFORMED",
  },
]);
