import type { Collection } from "../trust/collection.ts";
import type { Plan } from "../trust/plan.ts";
import type { VerifiedCollection } from "../trust/verifiedCollection.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { TufError } from "../tuf/errors.ts";
import { isBaseRole, isDelegation } from "../tuf/role.ts";
import { CliError } from "./errors.ts";
import { namedCollections } from "./namedCollection.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { failingAsJson } from "./outcome.ts";
import { formatPlan } from "./planText.ts";
import { Publisher, publisherOptions, publisherOptionsHelp } from "./publisher.ts";
import type { Ui } from "./ui.ts";

const help = `Replace the key of a role, and publish that at once.

Usage: countersign rotate [OPTIONS] GUN|IMAGE ROLE

ROLE is root, targets, snapshot, timestamp, or a delegation such as targets/alice. A new key is made unless --key names one. A new
root is signed with the old root key too, so consumers follow by themselves, from however far back.

The private keys of root, targets and delegations are kept here, that of the timestamp by the trust server. The snapshot key can be
with either: --server-managed hands it to the trust server, as Docker has it, --local takes it back.

Replaced targets and snapshot keys are removed from this machine; old root and delegation keys stay. The key of a delegation is replaced
in every delegation that lists it (a signer's own and targets/releases), and these are signed anew; that takes the targets key.

  --server-managed      the trust server keeps the key: timestamp, snapshot
  --local               this machine keeps the key: root, targets, snapshot, delegations
                        Default: where it is; that is, where the only place for it is
  --key ID              the key of the key store to use; may be repeated for a role with several
  --legacy NUMBER       sign the new root with the keys of so many earlier ones too, for clients that cannot follow; -1 is all
  --plan                show what would be published and which keys would sign; change nothing, here or on the trust server
${publisherOptionsHelp}

Passphrases are asked for on the terminal, or come from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and, for every other key,
DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE.

Exit code: 0 rotated, 1 not (a key is missing, or the trust server refused), 3 the collection there cannot be trusted, 4 could not
decide, 2 wrong usage.

Example:
  $ countersign rotate registry.example/team/app snapshot --server-managed
  rotated snapshot of registry.example/team/app
    before   8c2d2d0b7bd1e5b1c07a0c7d2a0a48e1a2f0a4ed5d1b27cf1a6f6a3c1f3b1d52
    now      1f0c0bd2dfd2a1f5b7d6c1f9f6d6d2e0b3a1cbb0e7e5a1d3c9f8e7d6c5b4a392 (kept by the trust server)
`;

interface Rotated {
  readonly collection: string;
  readonly role: string;
  readonly keptBy: "this machine" | "trust server";
  /** As key stores name them. */
  readonly before: readonly string[];
  readonly now: readonly string[];
  /** Of a delegation's key: everywhere it was replaced. */
  readonly roles?: readonly string[];
  /** Of the root key: as root names it, by its certificate. */
  readonly rootKeyIds?: readonly string[];
}

/** `countersign rotate GUN|IMAGE ROLE` */
export const rotate = nativeCommand({
  help,
  options: {
    ...publisherOptions,
    "server-managed": { type: "boolean" },
    local: { type: "boolean" },
    key: { type: "string", multiple: true },
    legacy: { type: "string" },
    plan: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    const [text, role, ...others] = args;
    if (text === undefined || role === undefined || others.length > 0) {
      throw new CliError("CLI_USAGE", "rotate needs a collection and a role");
    }
    if (!isBaseRole(role) && !isDelegation(role)) {
      throw new CliError("CLI_USAGE", `${JSON.stringify(role)} is no role`, {
        hint: "The roles are root, targets, snapshot, timestamp, and delegations such as targets/alice.",
      });
    }
    const request: Request = {
      role,
      place: readPlace(role, options),
      keyIds: options.key ?? [],
      legacyVersions: readLegacy(options.legacy),
    };
    const publisher = new Publisher(options, ui);
    return await failingAsJson({ json: options.json, ui, asked: { collection: text, role } }, async () => {
      const [name] = await namedCollections([text], publisher.trustDir);
      const work: Work = options.plan === true ? planning(request, publisher) : rotating(request, publisher);
      const done = await publisher.withCollection(name!, work, "*"); // One name gives one collection.
      if (options.json === true) ui.printJson(done);
      else show(done, ui);
      return 0;
    });
  },
});

type Place = "server" | "local" | undefined;

interface Request {
  readonly role: string;
  /** Undefined where the key is now. */
  readonly place: Place;
  readonly keyIds: readonly string[];
  readonly legacyVersions: number;
}

function readPlace(
  role: string,
  options: { "server-managed"?: boolean | undefined; local?: boolean | undefined },
): Place {
  const { local, "server-managed": server } = options;
  if (local === true && server === true) {
    throw new CliError("CLI_USAGE", "--local and --server-managed exclude each other");
  }
  const only = role === "timestamp" ? "server" : role === "snapshot" ? undefined : "local";
  const asked = local === true ? "local" : server === true ? "server" : undefined;
  if (asked !== undefined && only !== undefined && asked !== only) {
    const where = only === "server" ? "is always kept by the trust server" : "is never kept by the trust server";
    throw new CliError("CLI_USAGE", `the key of ${role} ${where}`);
  }
  return asked ?? only;
}

function readLegacy(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^(?:-1|\d{1,6})$/.test(text)) return Number(text);
  throw new CliError("CLI_USAGE", `--legacy takes a number of roots, or -1 for all, not ${text}`);
}

type Work = (collection: Collection) => Promise<Rotated | { readonly plan: Plan }>;

function planning(request: Request, publisher: Publisher): Work {
  return async (collection) => ({ plan: await collection.plan((copy) => doRotate(copy, request, publisher)) });
}

function rotating(request: Request, publisher: Publisher): Work {
  return (collection) => doRotate(collection, request, publisher);
}

async function doRotate(collection: Collection, request: Request, publisher: Publisher): Promise<Rotated> {
  const held = await publisher.held();
  try {
    return await (isDelegation(request.role)
      ? rotateSigner(collection, request)
      : rotateBaseRole(collection, request, held));
  } catch (error) {
    // Nothing was sent, so what was made for it is of no use. After any other failure the server may know the new key.
    if (error instanceof TufError && error.code === "TUF_NO_SIGNING_KEY") {
      for (const { id } of await publisher.keys.list()) if (!held.has(id)) await publisher.keys.remove(id);
    }
    throw error;
  }
}

async function rotateSigner(collection: Collection, { role, keyIds }: Request): Promise<Rotated> {
  if (keyIds.length > 1) throw new CliError("CLI_USAGE", "a delegation's key is rotated to one other key");
  const { before, after, roles } = await collection.rotateDelegationKey(role, { keyId: keyIds[0] });
  return { collection: collection.gun, role, keptBy: "this machine", before: [before], now: [after], roles };
}

async function rotateBaseRole(
  collection: Collection,
  { role, keyIds, legacyVersions, place }: Request,
  held: ReadonlySet<string>,
): Promise<Rotated> {
  const before = keysOf(await collection.update(), role);
  checkNumber(role, before.length, keyIds.length);
  const serverManaged = place === undefined ? !before.some((id) => held.has(id)) : place === "server";
  await collection.rotateKey(role, { serverManaged, keyIds, legacyVersions });
  const current = await collection.update();
  return {
    collection: collection.gun,
    role,
    keptBy: serverManaged ? "trust server" : "this machine",
    before,
    now: keysOf(current, role),
    ...(role === "root" && { rootKeyIds: current.root.body.roles.get("root")?.keyIds ?? [] }),
  };
}

/** A role of several keys must not end up with one because somebody wanted to replace one of them. */
function checkNumber(role: string, before: number, named: number): void {
  if (before < 2 || named > 0) return;
  throw new CliError("CLI_USAGE", `${role} has ${before} keys: name all keys that it shall have, with --key`);
}

function keysOf({ root }: VerifiedCollection, role: string): string[] {
  const ids = root.body.roles.get(role)?.keyIds ?? [];
  return ids.flatMap((id) => root.body.keys.get(id) ?? []).map(canonicalKeyId);
}

function show(done: Rotated | { readonly plan: Plan }, ui: Ui): void {
  if ("plan" in done) {
    ui.print(formatPlan(done.plan));
    return;
  }
  const { collection, role, before, now, keptBy, roles, rootKeyIds } = done;
  ui.print(
    [
      `${ui.emphasise("green", "rotated")} ${role} of ${collection}`,
      `  before   ${before.join(", ")}`,
      `  now      ${now.join(", ")} (kept by ${keptBy === "trust server" ? "the trust server" : keptBy})`,
      ...(roles ? [`  in       ${roles.join(", ")}`] : []),
      "",
    ].join("\n"),
  );
  if (rootKeyIds) {
    ui.note(`consumers follow by themselves; who pinned the old root key pins ${now.join(", ")}`);
  }
}
