import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { CountersignError } from "../tuf/error.ts";
import { attacks, type Attack } from "./demo/attacks.ts";
import { Tour, type AttackOutcome, type Step, type TourAudience } from "./demo/tour.ts";
import { CliError } from "./errors.ts";
import { untilInterrupted } from "./interrupt.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { errorAsJson } from "./outcome.ts";
import type { Ui } from "./ui.ts";

const help = `Show what content trust does, in a temporary directory: a registry with its trust server is started on this machine; an image
is pushed, signed, verified and pulled; then five attacks are tried on it, and each has to be refused.

Usage: countersign demo [--json]

  --json      everything as one JSON document
  --help      show this text

Nothing else has to be installed, nothing of yours is read or changed, and nothing stays behind.

Exit code: 0 when all went well and every attack was refused, else 1.

Example:
  $ countersign demo
`;

/** `countersign demo` */
export const demo = nativeCommand({
  help,
  options: { json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    if (args.length > 0) throw new CliError("CLI_USAGE", `demo takes no arguments, but got ${JSON.stringify(args[0])}`);
    return await runDemo(attacks, { json: options.json === true, ui });
  },
});

/**
 * Takes the tour with these attacks and shows it; the result is the exit code.
 * @throws CliError CLI_DEMO when something fails that is no attack
 */
export async function runDemo(
  attacks: readonly Attack[],
  { json, ui }: { readonly json: boolean; readonly ui: Ui },
): Promise<number> {
  const steps: Step[] = [];
  const outcomes: AttackOutcome[] = [];
  const audience: TourAudience = {
    step(step) {
      steps.push(step);
      if (!json) showStep(step, steps.length, ui);
    },
    attack(outcome) {
      outcomes.push(outcome);
      if (!json) showAttack(outcome, outcomes.length, ui);
    },
  };
  await takeTour((directory) => new Tour(directory, audience, attacks));
  const refused = outcomes.filter(({ isRefused }) => isRefused).length;
  const isWell = refused === outcomes.length;
  if (json)
    ui.printJson({ steps, attacks: outcomes.map(attackAsJson), refused, attempted: outcomes.length, ok: isWell });
  else ui.print(ending(refused, outcomes.length, ui));
  return isWell ? 0 : 1;
}

/** Runs a tour in a directory that is gone afterwards, however it ends. */
async function takeTour(prepare: (directory: string) => Tour): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-demo-"));
  // Also when the process is ended in the middle, as by a pipe that nobody reads any more.
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  const tour = prepare(directory);
  try {
    await untilInterrupted(async (signal) => {
      try {
        await Promise.race([tour.run(), once(signal, "abort")]);
      } finally {
        await tour.close();
        await rm(directory, { recursive: true, force: true });
      }
    });
  } catch (error) {
    throw new CliError("CLI_DEMO", `the demo could not go on: ${reasonOf(error)}`, { cause: error });
  } finally {
    process.off("exit", remove);
  }
}

const indent = "    ";
const labelWidth = 13;

function showStep({ title, command, facts }: Step, number: number, ui: Ui): void {
  ui.print(`${number}.  ${ui.emphasise("bold", title)}\n${indent}${ui.emphasise("dim", `$ ${command}`)}\n`);
  ui.print(`${Object.entries(facts).map(factLine).join("")}\n`);
}

function showAttack({ name, story, isRefused, error }: AttackOutcome, number: number, ui: Ui): void {
  if (number === 1)
    ui.print("Now Mallory sits on the line between Bob and the registry, and answers as she likes.\n\n");
  ui.print(`Attack ${number}, ${ui.emphasise("bold", name)}: ${story}\n`);
  if (isRefused && error instanceof CountersignError) {
    ui.print(`${indent}${ui.emphasise("green", "refused".padEnd(labelWidth))}${error.code}\n`);
    ui.print(`${factLine(["because", error.message])}\n`);
  } else {
    const verdict = error === undefined ? "NOT REFUSED" : "FAILED";
    ui.print(`${indent}${ui.emphasise("red", verdict.padEnd(labelWidth))}${reasonOf(error)}\n\n`);
  }
}

function factLine([label, value]: readonly [string, string]): string {
  return `${indent}${label.padEnd(labelWidth)}${value}\n`;
}

function reasonOf(error: unknown): string {
  if (error === undefined) return "Bob took what Mallory sent";
  return error instanceof CountersignError ? `${error.message} (${error.code})` : inspect(error);
}

function ending(refused: number, attempted: number, ui: Ui): string {
  const verdict = `${refused} of ${attempted} attacks were refused.`;
  return refused === attempted
    ? `${ui.emphasise("green", verdict)} To have this for your own images: countersign up\n`
    : `${ui.emphasise("red", verdict)}\n`;
}

function attackAsJson({ name, story, isRefused, error }: AttackOutcome): unknown {
  return { name, story, refused: isRefused, ...(error !== undefined && { error: errorAsJson(error) }) };
}
