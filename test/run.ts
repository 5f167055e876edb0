/**
 * `npm test`: format, lint and types first, then every test. Interop tests whose real program is not on this machine
 * are skipped and listed at the end with the reason; with COUNTERSIGN_INTEROP=required a skipped test is a failure.
 * Arguments narrow the run to those test files: `npm test -- src/tuf/json.test.ts`.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const project = join(import.meta.dirname, "..");
const required = process.env["COUNTERSIGN_INTEROP"] === "required";
const chosen = process.argv.slice(2);

process.exitCode = (chosen.length > 0 || checks()) && (await tests()) ? 0 : 1;

function checks(): boolean {
  const commands = [
    ["prettier", "--check", "--log-level", "warn", "."],
    ["oxlint", "--type-aware", "--deny-warnings", "--quiet"],
    ["tsc", "--noEmit"],
  ] as const;
  return commands.every(([command, ...args]) => {
    say(`${command} ${args.join(" ")}`);
    const { status, error } = spawnSync(join(project, "node_modules/.bin", command), args, {
      cwd: project,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (error) say(error.message);
    return status === 0;
  });
}

async function tests(): Promise<boolean> {
  const files = chosen.length > 0 ? chosen : globSync(["src/**/*.test.ts", "test/**/*.test.ts"], { cwd: project });
  const skipped: string[] = [];
  let failed = false;
  const events = run({
    files: files.map((file) => join(project, file)).toSorted(),
    concurrency: Math.max(2, availableParallelism()),
    timeout: 600_000,
  });
  events.on("test:fail", () => (failed = true));
  events.on("test:pass", ({ name, skip }) => {
    if (skip !== undefined) skipped.push(`${name}: ${typeof skip === "string" ? skip : "no reason given"}`);
  });
  const report = events.compose(spec);
  for await (const text of report) process.stdout.write(String(text));
  if (skipped.length > 0) {
    say(`\n${skipped.length} skipped${required ? ", which counts as failed here" : ""}:`);
    for (const line of skipped) say(`  ${line}`);
  }
  return !failed && !(required && skipped.length > 0);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
