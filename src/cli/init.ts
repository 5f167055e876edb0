import type { Collection } from "../trust/collection.ts";
import type { Plan } from "../trust/plan.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { baseRoles } from "../tuf/role.ts";
import { CliError } from "./errors.ts";
import { namedCollections } from "./namedCollection.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { failingAsJson } from "./outcome.ts";
import { formatPlan } from "./planText.ts";
import { Publisher } from "./publisher.ts";
import type { Ui } from "./ui.ts";

const help = `Begin a collection for the images of a repository, and publish it, empty.

Usage: countersign init [OPTIONS] IMAGE|GUN

The root key is the first one that is here, or a new one; a key for targets is made; the trust server keeps the keys for snapshot and
timestamp. \`countersign sign\` does the same by itself for a repository nobody has signed in yet.

  --key ID              the root key to use, of those here
  --local-snapshot      keep the snapshot key here, as \`notary init\` does: then nobody publishes without it
  --plan                show what would be published and which keys would be made; change nothing, here or on the trust server
  --server URL          the trust server. Default: DOCKER_CONTENT_TRUST_SERVER, else the registry's host
  --trust-dir DIR       keys and cache, as Docker and Notary have them. Default: trust in Docker's configuration directory,
                        ~/.docker; \`notary\` uses ~/.notary
  --json                the result as one JSON document
  --help                show this text

Passphrases are asked for on the terminal, or come from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and, for every other key,
DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE.

Exit code: 0 begun, 1 not (it exists, a passphrase is missing, or the trust server refused), 3 it was there before and is gone,
4 could not decide, 2 wrong usage.

Example:
  $ countersign init registry.example/team/app
  began registry.example/team/app
    root        6905bdbca59166dfb6075a5669e9a14b470c8b73aeb2297d33f5aa7d1739e7ab (kept by this machine)
    targets     8c2d2d0b7bd1e5b1c07a0c7d2a0a48e1a2f0a4ed5d1b27cf1a6f6a3c1f3b1d52 (kept by this machine)
    snapshot    1f0c0bd2dfd2a1f5b7d6c1f9f6d6d2e0b3a1cbb0e7e5a1d3c9f8e7d6c5b4a392 (kept by the trust server)
    timestamp   5e1a3b0c6f2d4e8a9b7c1d0e3f5a6b8c2d4e6f8091a3b5c7d9e1f3a5b7c9d1e3 (kept by the trust server)
`;

interface Begun {
  readonly collection: string;
  /** As key stores name them. */
  readonly keys: readonly {
    readonly role: string;
    readonly id: string;
    readonly keptBy: "this machine" | "trust server";
  }[];
  /** As root names them: by their certificates. */
  readonly rootKeyIds: readonly string[];
}

/** `countersign init IMAGE|GUN` */
export const init = nativeCommand({
  help,
  options: {
    key: { type: "string" },
    "local-snapshot": { type: "boolean" },
    plan: { type: "boolean" },
    server: { type: "string" },
    "trust-dir": { type: "string" },
    json: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    const [text, ...others] = args;
    if (text === undefined || others.length > 0) throw new CliError("CLI_USAGE", "init needs one collection");
    const publisher = new Publisher(options, ui);
    const request = {
      rootKeyId: options.key,
      snapshotKey: options["local-snapshot"] === true ? "local" : "server",
    } as const;
    return await failingAsJson({ json: options.json, ui, asked: { collection: text } }, async () => {
      const [name] = await namedCollections([text], publisher.trustDir);
      const work: (collection: Collection) => Promise<Begun | { readonly plan: Plan }> =
        options.plan === true
          ? async (collection) => ({ plan: await collection.plan((copy) => copy.begin(request)) })
          : async (collection) => {
              await collection.begin(request);
              return await begun(collection, publisher);
            };
      const done = await publisher.withCollection(name!, work, "pull,push"); // One name gives one collection.
      if (options.json === true) ui.printJson(done);
      else show(done, publisher, ui);
      return 0;
    });
  },
});

/** What the trust server has now, verified from the root that was just made. */
async function begun(collection: Collection, publisher: Publisher): Promise<Begun> {
  const { gun, root } = await collection.update();
  const held = await publisher.held();
  const keys = baseRoles.flatMap((role) => {
    const listed = root.body.roles.get(role)?.keyIds.flatMap((id) => root.body.keys.get(id) ?? []) ?? [];
    return listed.map(canonicalKeyId).map((id) => {
      return { role, id, keptBy: held.has(id) ? "this machine" : "trust server" } as const;
    });
  });
  return { collection: gun, keys, rootKeyIds: root.body.roles.get("root")?.keyIds ?? [] };
}

function show(done: Begun | { readonly plan: Plan }, { trustDir }: Publisher, ui: Ui): void {
  if ("plan" in done) {
    ui.print(formatPlan(done.plan));
    return;
  }
  const { collection, keys } = done;
  const width = Math.max(...keys.map(({ role }) => role.length));
  const lines = keys.map(({ role, id, keptBy }) => {
    return `  ${role.padEnd(width)}   ${id} (kept by ${keptBy === "trust server" ? "the trust server" : keptBy})\n`;
  });
  ui.print(`${ui.emphasise("green", "began")} ${collection}\n${lines.join("")}`);
  ui.note(`keep a copy of the keys in ${trustDir}/private: countersign key backup FILE`);
  const pins = keys.filter(({ role }) => role === "root").map(({ id }) => `--root-key ${id}`);
  ui.note(`consumers pin its root with: countersign verify ${pins.join(" ")} IMAGE`);
}
