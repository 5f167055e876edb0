import { statSync } from "node:fs";
import { join } from "node:path";
import type { CustodyKind, KeyDescription } from "../../keys/custody.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { errorAsJson } from "../outcome.ts";
import { Publisher } from "../publisher.ts";
import type { Ui } from "../ui.ts";
import { keyOptions, keyOptionsHelp } from "./options.ts";
import { describeUse, knownUses } from "./uses.ts";
import type { KnownUses } from "./uses.ts";

const help = `Show each private key: where it is kept, what it was made for, and what it may sign now.

Usage: countersign key list [OPTIONS]

What a key may sign is what the collections on this machine say about it, each brought up to date and verified first. A key that none of
them names is of no use for them any more; a key may be named by collections that this machine has never seen.

  --server URL      the trust server of the collections. Default: DOCKER_CONTENT_TRUST_SERVER, else the host in their names
${keyOptionsHelp}

Exit code: 0, also when some collection could not be asked, which is said.

Example:
  $ countersign key list
  root key 6905bdbca59166dfb6075a5669e9a14b470c8b73aeb2297d33f5aa7d1739e7ab
    kept in    /home/alice/.docker/trust/private (encrypted)
    may sign   root of registry.example/team/app
`;

/** A key and all that is known about it. */
interface Listed extends KeyDescription {
  readonly kind: CustodyKind;
  readonly location: string;
  readonly file?: string;
  readonly encrypted?: boolean;
  /** Whether other users of this machine may read or change the file. */
  readonly openToOthers?: boolean;
}

const othersMask = 0o077;

/** `countersign key list` */
export const keyList = nativeCommand({
  help,
  options: { ...keyOptions, server: { type: "string" } },
  run: async ({ options, args, ui }) => {
    if (args.length > 0) throw new CliError("CLI_USAGE", "key list takes no arguments");
    const publisher = new Publisher(options, ui);
    const keys = await listKeys(publisher);
    const uses = await knownUses(publisher);
    if (options.json === true) {
      const unknown = new Map(uses.unknown.map(({ collection, error }) => [collection, error]));
      ui.printJson({
        keys: keys.map((key) => ({ ...key, maySign: uses.of(key.id) })),
        collections: uses.collections.map((collection) => {
          return unknown.has(collection)
            ? { collection, error: errorAsJson(unknown.get(collection)) }
            : { collection, origin: uses.stale.includes(collection) ? "cache" : "server" };
        }),
      });
    } else {
      show(keys, uses, ui);
    }
    return 0;
  },
});

async function listKeys(publisher: Publisher): Promise<Listed[]> {
  const encrypted = new Map((await publisher.keyFiles.list()).map((key) => [key.id, key.encrypted]));
  const listed = (await publisher.keys.inventory()).flatMap(({ custody: { kind, location }, keys = [] }) =>
    keys.map(({ id, role, gun }): Listed => {
      const about = { id, role, gun, kind, location };
      if (kind !== "file") return about;
      const file = join(location, `${id}.key`);
      return { ...about, file, encrypted: encrypted.get(id) ?? true, openToOthers: isOpenToOthers(file) };
    }),
  );
  return listed.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
}

function isOpenToOthers(file: string): boolean {
  const mode = process.platform === "win32" ? 0 : (statSync(file, { throwIfNoEntry: false })?.mode ?? 0);
  return (mode & othersMask) !== 0;
}

/** Root keys first, then by collection, role and ID. */
function orderOf({ role, gun = "", id }: Listed): string {
  return [role === "root" ? "0" : "1", gun, role, id].join("\n");
}

function show(keys: readonly Listed[], uses: KnownUses, ui: Ui): void {
  if (keys.length === 0) ui.note("there are no private keys here");
  for (const key of keys) {
    const { id, role, gun, location, encrypted } = key;
    const how = encrypted === undefined ? "" : encrypted ? " (encrypted)" : " (NOT encrypted)";
    const lines = uses.of(id).map(describeUse);
    const maySign = lines.length > 0 ? lines : [unusedText(key, uses)];
    ui.print(
      [
        `${ui.emphasise("bold", `${role || "unnamed"} key`)} ${id}`,
        ...(gun === undefined ? [] : [`  made for   ${gun}`]),
        `  kept in    ${location}${how}`,
        ...maySign.map((line, at) => `  ${at === 0 ? "may sign" : "        "}   ${line}`),
        "",
      ].join("\n"),
    );
  }
  for (const { file, openToOthers } of keys) {
    if (openToOthers === true) ui.warn(`other users may read or change ${file}: chmod 600`);
  }
  for (const gun of uses.stale) ui.warn(`${gun} is shown as of the last answer of its trust server`);
  for (const { collection, error } of uses.unknown) ui.fail(error, collection);
}

function unusedText({ gun }: Listed, { unknown, collections }: KnownUses): string {
  if (gun !== undefined && !collections.includes(gun)) return "unknown: this machine has nothing of its collection";
  const concerned = unknown.filter(({ collection }) => gun === undefined || gun === collection);
  if (concerned.length > 0) {
    return `unknown: ${concerned.map(({ collection }) => collection).join(", ")} could not be asked`;
  }
  return gun === undefined ? "nothing in the collections on this machine" : "nothing: no role names it any more";
}
