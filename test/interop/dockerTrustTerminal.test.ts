/** What `docker trust` asks on a terminal, and what is shown there: the original and ours, side by side. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { dockerClisWithTrust } from "../support/dockerCli.ts";
import { canStartDockerEngine, requireDockerEngine, requireDockerTrust } from "../support/peers.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { requireTerminal, runOnTerminal } from "../support/terminal.ts";
import type { Dialogue } from "../support/terminal.ts";
import { oursForDocker, startTrustSite, TrustDesk } from "../support/trustDesk.ts";
import type { TrustSite } from "../support/trustDesk.ts";

/** Typed on a terminal, with what is answered there. */
const conversations: readonly (readonly [command: string, dialogue: Dialogue])[] = [
  [
    "docker trust key generate eve",
    [
      [/Enter passphrase for new eve key with ID .*: $/, "short"],
      [/Enter passphrase for new eve key with ID .*: $/, "eve-passphrase"],
      [/Repeat passphrase for new eve key with ID .*: $/, "another-passphrase"],
      [/Enter passphrase for new eve key with ID .*: $/, " eve-passphrase "],
      [/Repeat passphrase for new eve key with ID .*: $/, "eve-passphrase"],
    ],
  ],
  ["docker trust key load dan-p8.key", Array.from({ length: 4 }, () => [/encrypted key: $/, "a-wrong-one"] as const)],
  [
    "docker trust key load --name dan dan.key",
    [
      [/Enter passphrase for new dan key with ID .*: $/, "dan-passphrase"],
      [/Repeat passphrase for new dan key with ID .*: $/, "dan-passphrase"],
    ],
  ],
  [
    "docker tag base:1 $R/app:v1; docker trust sign $R/app:v1",
    [
      [/Enter passphrase for new root key with ID .*: $/, "root-passphrase"],
      [/Repeat passphrase for new root key with ID .*: $/, "root-passphrase"],
      [/Enter passphrase for new repository key with ID .*: $/, "repository-passphrase"],
      [/Repeat passphrase for new repository key with ID .*: $/, "repository-passphrase"],
      [/Enter passphrase for new alice key with ID .*: $/, "alice-passphrase"],
      [/Repeat passphrase for new alice key with ID .*: $/, "alice-passphrase"],
      [/Enter passphrase for alice key with ID .*: $/, "a-wrong-one"],
      [/Enter passphrase for alice key with ID .*: $/, "alice-passphrase"],
    ],
  ],
  [
    "docker trust signer add --key dan.pub dan $R/app $R/another",
    [
      [/Enter passphrase for repository key with ID .*: $/, "repository-passphrase"],
      [/Enter passphrase for root key with ID .*: $/, "root-passphrase"],
      [/Enter passphrase for new repository key with ID .*: $/, "second-passphrase"],
      [/Repeat passphrase for new repository key with ID .*: $/, "second-passphrase"],
    ],
  ],
  [
    "docker trust revoke -y $R/app",
    [
      [/Enter passphrase for alice key with ID .*: $/, "alice-passphrase"],
      [/Enter passphrase for dan key with ID .*: $/, "dan-passphrase"],
    ],
  ],
];

const suite = suiteScope();
let site: TrustSite;
before(async () => {
  if (canStartDockerEngine()) site = await startTrustSite(suite);
});

test("what is asked on a terminal is asked alike", async (t) => {
  if (!requireDockerEngine(t) || !requireTerminal(t)) return;
  const clis = await dockerClisWithTrust();
  if (!requireDockerTrust(t, clis)) return;
  const original = clis[0]?.path ?? "";
  const talk = async (docker: string, namespace: string): Promise<unknown[]> => {
    const desk = new TrustDesk(t, site, { docker, namespace });
    const {
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: _,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: __,
      ...env
    } = desk.env;
    const results: unknown[] = [];
    for (const [command, dialogue] of conversations) {
      const { screen, code } = await runOnTerminal(command, dialogue, { cwd: desk.home, env });
      // How far each layer is on its way is drawn over and over, each program with steps of its own.
      const lines = desk.shown(screen).filter((line) => !line.includes("\x1b") && !/digest: sha256|^$/.test(line));
      // An answer that comes quicker than the original can switch the echo off is seen.
      const typed = dialogue.map(([, answer]) => answer);
      results.push({ command, screen: lines.map((line) => without(line, typed)), code });
    }
    return results;
  };
  const [found, expected] = await Promise.all([
    talk(oursForDocker, "terminal/ours"),
    talk(`exec ${original} "$@"`, "terminal/them"),
  ]);
  assert.deepEqual(found, expected);
});

function without(line: string, answers: readonly string[]): string {
  return line.replace(/(passphrase for .*: )(.+)$/, (whole, question: string, rest: string) => {
    return answers.includes(rest) ? question : whole;
  });
}
