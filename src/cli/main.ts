/**
 * The entry point of every program we are: `countersign`, and `notary`, `docker-trust` and `docker-countersign` when called by
 * these names. It only finds out which command is meant; each command is loaded when it is the one, so that none waits for the
 * others.
 */
import { enableCompileCache } from "node:module";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { NativeCommand } from "./nativeCommand.ts";
import { exitCodeOf, Ui } from "./ui.ts";

const oldestNode = 24;

// Starting takes half the time when Node need not compile us anew. The cache lies beside the code, where only those can write
// who could change the code itself; where nobody can, there is none.
enableCompileCache(fileURLToPath(new URL("../../node_modules/.cache/countersign", import.meta.url)));

const nativeCommands: Readonly<Record<string, () => Promise<NativeCommand>>> = {
  up: async () => (await import("./up.ts")).up,
  demo: async () => (await import("./demo.ts")).demo,
  push: async () => (await import("./push.ts")).push,
  pull: async () => (await import("./pull.ts")).pull,
  copy: async () => (await import("./copy.ts")).copy,
  compare: async () => (await import("./compare.ts")).compare,
  sign: async () => (await import("./sign.ts")).sign,
  verify: async () => (await import("./verify.ts")).verify,
  inspect: async () => (await import("./inspect.ts")).inspect,
  init: async () => (await import("./init.ts")).init,
  expiry: async () => (await import("./expiry.ts")).expiry,
  renew: async () => (await import("./renew.ts")).renew,
  rotate: async () => (await import("./rotate.ts")).rotate,
  ceremony: async () => (await import("./ceremony.ts")).ceremony,
  key: async () => (await import("./key.ts")).key,
  version: async () => (await import("./help.ts")).version,
  help: async () => (await import("./help.ts")).help,
};

/** Runs what the program's name and arguments ask for; the result is the exit code. */
async function main(program: string, args: readonly string[]): Promise<number> {
  const ui = new Ui();
  const version = Number.parseInt(process.versions.node, 10);
  if (version < oldestNode) {
    ui.note(`countersign: Node.js ${oldestNode} or newer is needed; this is ${process.versions.node}`);
    return 1;
  }
  const run = entryOf(programs, program);
  return run ? await run(args, ui) : await commandLine(args, ui);
}

/** Runs `countersign …`; a program of another name may be its first word. */
async function commandLine(args: readonly string[], ui: Ui): Promise<number> {
  const [name = "help", ...rest] = asOption(args);
  const run = entryOf(programs, name);
  if (run) return await run(rest, ui);
  try {
    const load = entryOf(nativeCommands, entryOf(aliases, name) ?? name);
    if (!load) {
      const { unknownCommand } = await import("./help.ts");
      throw unknownCommand(name, Object.keys(nativeCommands));
    }
    const command = await load();
    return await command(rest, ui);
  } catch (error) {
    ui.fail(error);
    return exitCodeOf(error);
  }
}

/** `help COMMAND` as `COMMAND --help`. */
function asOption(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  return first === "help" && rest.length > 0 && rest[0]?.startsWith("-") === false ? [...rest, "--help"] : args;
}

/** What a table holds under a word that somebody typed. */
function entryOf<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

const aliases: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-v": "version",
};

/** What keeps the command line of an original, with its words and exit codes. */
const programs: Readonly<Record<string, (args: readonly string[], ui: Ui) => Promise<number>>> = {
  notary: async (args, ui) => {
    const [{ runCompatible }, { notaryProgram }] = await Promise.all([
      import("./compat/run.ts"),
      import("./notary/program.ts"),
    ]);
    return await runCompatible(notaryProgram, args, ui);
  },
  trust: async (args, ui) => await (await import("./trust/entry.ts")).trust(args, ui),
  "docker-trust": async (args, ui) => await (await import("./trust/entry.ts")).dockerTrust(args, ui),
  "docker-countersign": async (args, ui) => {
    const { dockerCountersign } = await import("./trust/entry.ts");
    return await dockerCountersign(args, ui, commandLine);
  },
};

process.exitCode = await main(basename(process.argv[1] ?? "").replace(/\.m?[jt]s$/, ""), process.argv.slice(2));
