import type { KeyInfo } from "../../keys/keyStore.ts";
import { KeysError } from "../../keys/errors.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { terminalPrompt } from "../prompt.ts";
import { Publisher } from "../publisher.ts";
import { keyOptions, keyOptionsHelp } from "./options.ts";
import { describeUse, knownUses } from "./uses.ts";
import type { KnownUses } from "./uses.ts";

const help = `Delete private keys from this machine for good.

Usage: countersign key remove [OPTIONS] ID…

A key that a role of some collection on this machine still names, or of which that cannot be found out, is kept unless --force is given.
Nothing is removed unless all of the keys can be.

  --yes             do not ask
  --force           also a key that is in use, or may be
  --server URL      the trust server of the collections. Default: DOCKER_CONTENT_TRUST_SERVER, else the host in their names
${keyOptionsHelp}

Exit code: 0 removed, 1 not, 2 wrong usage.

Example:
  $ countersign key remove 8c2d2d0b7bd1e5b1c07a0c7d2a0a48e1a2f0a4ed5d1b27cf1a6f6a3c1f3b1d52
  Remove the targets key 8c2d2d0b7bd1 from /home/alice/.docker/trust/private for good? [y/N] y
  removed targets key 8c2d2d0b7bd1e5b1c07a0c7d2a0a48e1a2f0a4ed5d1b27cf1a6f6a3c1f3b1d52
`;

/** `countersign key remove ID…` */
export const keyRemove = nativeCommand({
  help,
  options: { ...keyOptions, yes: { type: "boolean" }, force: { type: "boolean" }, server: { type: "string" } },
  run: async ({ options, args, ui }) => {
    if (args.length === 0) throw new CliError("CLI_USAGE", "key remove needs the ID of a key");
    const publisher = new Publisher(options, ui);
    const keys: KeyInfo[] = [];
    for (const id of new Set(args)) {
      const key = await publisher.keyFiles.find(id);
      if (key === undefined)
        throw new KeysError("KEYS_NOT_FOUND", `there is no key ${id} in ${publisher.keyFiles.directory}`);
      keys.push(key);
    }
    if (options.force !== true) checkUnused(keys, await knownUses(publisher));
    const prompt = terminalPrompt((text) => ui.ask(text));
    if (options.yes !== true && !prompt.interactive) {
      throw new CliError("CLI_USAGE", "there is no terminal to ask on whether the key shall be removed", {
        hint: "Give --yes to remove it without a question.",
      });
    }
    const removed: KeyInfo[] = [];
    for (const key of keys) {
      const question = `Remove the ${key.role} key ${key.id.slice(0, 12)} from ${publisher.keyFiles.directory} for good? [y/N] `;
      if (options.yes !== true && !/^\s*y(?:es)?\s*$/i.test((await prompt.line(question)) ?? "")) continue;
      await publisher.keyFiles.remove(key.id);
      removed.push(key);
    }
    if (options.json === true) ui.printJson({ removed: removed.map(({ id, role, gun }) => ({ id, role, gun })) });
    else for (const { id, role } of removed) ui.print(`removed ${role || "unnamed"} key ${id}\n`);
    return removed.length === keys.length ? 0 : 1;
  },
});

function checkUnused(keys: readonly KeyInfo[], uses: KnownUses): void {
  for (const { id, role, gun } of keys) {
    const named = uses.of(id).map(describeUse);
    if (named.length > 0) {
      throw new CliError("CLI_KEY_IN_USE", `the ${role} key ${id} may sign ${named.join(", ")}; nothing was removed`);
    }
    // What a collection said earlier is not what it says now.
    const unsure = [...uses.unknown.map(({ collection }) => collection), ...uses.stale];
    const concerned = unsure.filter((collection) => gun === undefined || gun === collection);
    if (concerned.length > 0) {
      throw new CliError(
        "CLI_KEY_IN_USE",
        `whether ${concerned.join(", ")} needs the ${role} key ${id} cannot be found out; nothing was removed`,
      );
    }
  }
}
