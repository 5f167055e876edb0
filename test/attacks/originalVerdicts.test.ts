/**
 * 53 static repositories, most of them attacks, and what the original client said about them: our client has to say the
 * same, ask the server for the same files in the same order, and warn of the same things. Where it closes a hole, the
 * difference is listed below, and a listed difference that is none any longer fails too.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { TrustServer } from "../../src/notary/index.ts";
import { LastSeen } from "../../src/trust/lastSeen.ts";
import { MetadataCache } from "../../src/trust/cache.ts";
import { PinPolicy } from "../../src/trust/pins.ts";
import { updateCollection } from "../../src/trust/updater.ts";
import type { VerifiedCollection } from "../../src/trust/verifiedCollection.ts";
import { collectionDirectory } from "../../src/trust/gun.ts";
import { CountersignError } from "../../src/tuf/error.ts";
import { encodeHex } from "../../src/tuf/encoding.ts";
import type { JsonValue } from "../../src/tuf/json.ts";
import { parseJson } from "../../src/tuf/jsonParser.ts";
import { StaticTrustServer } from "../support/staticTrustServer.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

interface Run {
  readonly cmd: string;
  readonly config?: { readonly trust_pinning: Record<string, unknown> };
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
  readonly requests: readonly string[];
}

interface Step {
  readonly note?: string;
  readonly serve: Readonly<Record<string, string>> | string;
  readonly runs: readonly Run[];
}

interface Repository {
  readonly name: string;
  readonly gun: string;
  readonly description: string;
  readonly timeDependent?: boolean;
  readonly homeFiles?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

/** What one run amounts to, ours and the original's. */
interface Outcome {
  /** Lines of the answer, or `* fatal: …`. */
  readonly answer: readonly string[];
  readonly warnings: readonly string[];
  readonly requests: readonly string[];
}

const now = new Date("2026-11-22T00:00:00Z");
const directory = join(import.meta.dirname, "../vectors/client/attack-repos");

interface Divergence {
  /** Repository, step and run, from 0. */
  readonly run: string;
  /** What we answer. */
  readonly ours: RegExp;
  /** The hole of the original that this closes (numbers: client reference §0). */
  readonly hole: string;
  /** A client that has seen nothing answers and warns as the original. */
  readonly sameForNewcomers?: true;
}

const divergences: readonly Divergence[] = [
  {
    run: "Upper-Case#1.0",
    ours: /^\* fatal: .*: unable to match any certificates to trust_pinning config$/,
    hole: "6: a pin for a name with capitals is ignored",
  },
  {
    run: "bit-rot-cache#0.4",
    ours: /^v1 \| .* \| targets$/,
    hole: "7: a damaged cached root is final, although the root trusted is known by its hash",
  },
  {
    run: "deleg-bad#1.0",
    ours: /^\* fatal: version 1 of timestamp is not the version 1 seen before/,
    hole: "8: other content under a version seen before is accepted",
    sameForNewcomers: true,
  },
  {
    run: "rollback-deleg#1.0",
    ours: /^\* fatal: version 4 is lower than current version 5$/,
    hole: "8: an older delegation under unchanged targets is accepted",
  },
  {
    run: "rollback-targets-smaller#1.0",
    ours: /^\* fatal: version 4 is lower than current version 5$/,
    hole: "8: an older file is accepted if it is smaller",
  },
  {
    run: "rot-signed-by-old#2.0",
    ours: /^\* fatal: version 1 of targets is not the version 1 seen before/,
    hole: "8: other content under a version seen before is accepted",
    sameForNewcomers: true,
  },
  {
    run: "same-version-different#1.0",
    ours: /^\* fatal: version 5 of timestamp is not the version 5 seen before/,
    hole: "8: other content under a version seen before is accepted",
    sameForNewcomers: true,
  },
];

test("every listed divergence is about a run there is", () => {
  const runs = repositories().flatMap(({ name, steps }) =>
    steps.flatMap(({ runs }, step) => runs.map((_, run) => `${name}#${step}.${run}`)),
  );
  assert.deepEqual(
    divergences.map(({ run }) => run).filter((run) => !runs.includes(run)),
    [],
  );
});

for (const repository of repositories()) {
  test(`${repository.name}: ${repository.description}`, (t) => replay(t, repository));
}

/** Those that were recorded with their files; the time-dependent ones were not. */
function repositories(): Repository[] {
  const all = readdirSync(directory)
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(directory, file), "utf8")) as Repository);
  return all.filter(({ timeDependent }) => timeDependent !== true);
}

async function replay(t: TestContext, repository: Repository): Promise<void> {
  const home = temporaryDirectory(t);
  const server = await StaticTrustServer.start(t);
  for (const [name, content] of Object.entries(repository.homeFiles ?? {})) {
    writeFileSync(join(home, name), content);
  }
  for (const [stepNumber, step] of repository.steps.entries()) {
    if (typeof step.serve === "object") {
      server.serve(repository.gun, step.serve);
    }
    for (const [runNumber, run] of step.runs.entries()) {
      const ours = await perform(run, repository, home, server);
      const theirs = observed(run, server.host);
      const name = `${repository.name}#${stepNumber}.${runNumber}`;
      const divergence = divergences.find((each) => each.run === name);
      if (divergence === undefined) {
        assert.deepEqual(ours, theirs, `${name}: ${run.cmd}`);
      } else {
        assert.notDeepEqual(ours, theirs, `${name} no longer differs: remove it from the table`);
        assert.match(ours.answer.join("\n"), divergence.ours, name);
        if (divergence.sameForNewcomers) {
          const newcomer = await perform(run, repository, temporaryDirectory(t), server);
          assert.deepEqual({ ...newcomer, requests: [] }, { ...theirs, requests: [] }, `${name} by a newcomer`);
        }
      }
    }
  }
}

function observed(run: Run, host: string): Outcome {
  const fatal = /^\* fatal: (.*)$/m.exec(run.stdout)?.[0].replace(/localhost:\d+ does not/, `${host} does not`);
  const lines = fatal === undefined ? rowsOf(run.stdout) : [fatal];
  const warnings = [...run.stderr.matchAll(/level=(\w+) msg="((?:[^"\\]|\\.)*)"/g)].map(
    ([, level, text]) => `${level}: ${text}`,
  );
  return {
    answer: lines,
    warnings: warnings.filter((line) => !line.includes("could not reach")),
    requests: run.requests,
  };
}

/** The rows of a table without its two lines of heading; blanks between cells collapse. */
function rowsOf(stdout: string): string[] {
  const lines = stdout
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^(?:NAME|ROLE) |^-+ |^(?:Deleting|Successfully)/.test(line));
  return lines.map((line) => line.trim().replaceAll(/ {2,}/g, " | "));
}

/** Does what the command line of a run says, with our client. */
async function perform(run: Run, repository: Repository, home: string, server: StaticTrustServer): Promise<Outcome> {
  const trustDir = join(home, ".notary");
  const warnings: string[] = [];
  const { gun } = repository;
  const outcome = async (ask: (collection: VerifiedCollection) => string[]): Promise<string[]> => {
    const cwd = process.cwd();
    process.chdir(home);
    try {
      const config = JSON.stringify(run.config?.trust_pinning ?? null).replaceAll("/home/alice", home);
      const section = parseJson(Buffer.from(config));
      return ask(await update(section, server.url));
    } catch (error) {
      if (!(error instanceof CountersignError)) {
        throw error;
      }
      return [`* fatal: ${error.message}`];
    } finally {
      process.chdir(cwd);
    }
  };
  const update = async (pinning: JsonValue, url: string): Promise<VerifiedCollection> => {
    const remote = new TrustServer({ url });
    try {
      await remote.ping();
      return await updateCollection({
        gun,
        cache: new MetadataCache(trustDir, gun),
        remote,
        pins: PinPolicy.fromNotary(pinning),
        lastSeen: new LastSeen(join(home, "state")),
        now,
        warn: ({ level, message }) => warnings.push(`${level}: ${message}`),
      });
    } finally {
      remote.close();
    }
  };
  server.takeRequests();
  let answer: string[] = [];
  for (const command of run.cmd.replaceAll(/ >\/dev\/null/g, "").split("; ")) {
    const words = command.split(" ").filter((word) => word !== "");
    const roles = words.flatMap((word, i) => (words[i - 1] === "-r" ? [word] : []));
    switch (words.slice(0, 2).join(" ")) {
      case "notary list":
        answer = await outcome((collection) => {
          const found = collection
            .listTargets(roles.length === 0 ? undefined : roles)
            .toSorted((a, b) => (a.name < b.name ? -1 : 1));
          return found.map(({ name, role, meta }) =>
            [name, encodeHex(meta.hashes.get("sha256")!), meta.length, role].join(" | "),
          );
        });
        break;
      case "notary lookup":
        answer = await outcome((collection) => {
          const { name, meta } = collection.findTarget(words[3]!);
          return [`${name} sha256:${encodeHex(meta.hashes.get("sha256")!)} ${meta.length}`];
        });
        break;
      case "notary delegation":
        answer = await outcome((collection) =>
          collection
            .delegations()
            .toSorted((a, b) => (a.name < b.name ? -1 : 1))
            .flatMap(delegationRows),
        );
        break;
      case "notary delete":
        rmSync(collectionDirectory(trustDir, gun), { recursive: true, force: true });
        await new LastSeen(join(home, "state")).forget(gun);
        break;
      case "echo x":
        writeFileSync(join(home, words.at(-1)!.replace("~/", "")), "x\n");
        break;
      case "cp ~/pinca.crt":
        mkdirSync(trustDir, { recursive: true });
        cpSync(join(home, "pinca.crt"), join(home, words[2]!.replace("~/", "")));
        break;
      default:
        throw new Error(`cannot replay: ${command}`);
    }
  }
  return { answer, warnings, requests: server.takeRequests() };
}

function delegationRows(delegation: {
  name: string;
  paths: readonly string[];
  keyIds: readonly string[];
  threshold: number;
}): string[] {
  const paths = delegation.paths.toSorted().map((path) => (path === "" ? '"" <all paths>' : path));
  const first = [delegation.name, ...paths.slice(0, 1), ...delegation.keyIds.slice(0, 1), String(delegation.threshold)];
  return [first.join(" | "), ...paths.slice(1)];
}
