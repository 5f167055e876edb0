/**
 * The original `docker trust` and ours, side by side: the same commands against one engine, one registry and one trust server,
 * each in repositories and a home of its own. After each command standard output, standard error, exit code and all files of
 * both must be the same, but for keys, signatures, IDs and times. What ours does better is in dockerTrustDifferences.test.ts.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { dockerClisWithTrust } from "../support/dockerCli.ts";
import { canStartDockerEngine, requireDockerEngine } from "../support/peers.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { oursForDocker, startTrustSite, TrustDesk } from "../support/trustDesk.ts";
import type { DeskOutcome, TrustSite } from "../support/trustDesk.ts";

/** Variables for commands that are to ask for passphrases. */
const asking = "env -u DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE -u DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE";

/** What is typed into a shell: see TrustDesk. */
const scripts: Readonly<Record<string, Script>> = {
  "help and usage": {
    like: [28],
    steps: [
      "docker trust",
      "docker trust --help",
      "docker trust -h",
      "docker trust key",
      ...["inspect", "revoke", "sign", "key", "key generate", "key load"].map((name) => `docker trust ${name} --help`),
      ...["signer", "signer add", "signer remove", "frob"].map((name) => `docker trust ${name} --help`),
      "docker trust frob",
      "docker trust help",
      "docker trust key frob",
      "docker trust key help generate",
      "docker trust -q",
      "docker trust --frob inspect x",
      "docker trust inspect",
      "docker trust inspect -x",
      "docker trust inspect --frob x",
      "docker trust inspect --pretty=maybe x",
      "docker trust inspect UPPER",
      "docker trust inspect --pretty UPPER",
      "docker trust inspect ''",
      "docker trust sign",
      "docker trust sign a b",
      "docker trust sign --local=maybe x",
      "docker trust sign UPPER:x",
      "docker trust sign $R/app",
      "docker trust sign $R/app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
      "docker trust revoke",
      "docker trust revoke $R/app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
      "docker trust revoke -y UPPER",
      "docker trust key generate",
      "docker trust key generate a b",
      "docker trust key generate --dir",
      "docker trust key load",
      "docker trust signer add bob",
      "docker trust signer remove bob",
      "docker trust signer add bob $R/app",
      "docker trust signer add --key dan.pub Bob $R/app",
      "docker trust signer add --key dan.pub releases $R/app",
      "docker trust signer add --key nofile.pub bob $R/app",
      "docker trust signer add --key hello.txt bob $R/app",
      "docker trust signer add --key gina.pub bob $R/app",
      "docker trust signer add --key dan.key bob $R/app",
      "docker trust signer add --key dan.pub bob UPPER",
      "docker trust signer remove bob UPPER",
      "docker -D trust inspect 2>&1 | head -1",
      "docker --log-level=nonsense trust inspect x",
    ],
  },
  "keys on disk": {
    steps: [
      "docker trust key generate Bob",
      "docker trust key generate bob; stat -c %a bob.pub; head -2 bob.pub",
      "docker trust key generate bob",
      "docker trust key generate eve --dir nodir",
      "mkdir kd; docker trust key generate carol --dir kd; ls kd",
      `printf 'erin-pass-1\\nerin-pass-1\\n' | ${asking} docker trust key generate erin`,
      `printf 'short\\n' | ${asking} docker trust key generate fred`,
      `printf 'one-passphrase\\nanother-one\\n' | ${asking} docker trust key generate fred`,
      `${asking} docker trust key generate fred < /dev/null`,
      "docker trust key load --name dan dan.key",
      "docker trust key load --name dan dan.key",
      "docker trust key load --name other dan.key",
      "chmod 644 dan.key; docker trust key load --name dan dan.key",
      "docker trust key load --name dan nofile.key",
      "docker trust key load --name dan dan.pub",
      "docker trust key load --name dan hello.txt",
      "docker trust key load --name Dan dan.key",
      "docker trust key load erin.key",
      "docker trust key load --name frank frank.key",
      `printf 'a-wrong-one\\n' | ${asking} docker trust key load --name dan dan-enc.key`,
      "docker trust key load --name dan dan-p8.key",
      "DOCKER_CONFIG=$HOME/elsewhere docker trust key generate zoe; ls elsewhere/trust/private | wc -l",
      "docker --config $HOME/other trust key generate yan; ls other/trust/private | wc -l",
    ],
  },
  "sign, inspect, revoke": {
    steps: [
      "docker trust inspect $R/app",
      "docker trust inspect --pretty $R/app:v1",
      "docker tag base:1 $R/app:v1; docker trust sign $R/app:v1",
      "docker trust inspect $R/app",
      "docker trust inspect --pretty $R/app",
      "docker trust inspect $R/app:v1 $R/app:zzz $R/nothing",
      "docker trust inspect --pretty $R/app:v1 $R/app $R/nothing $R/app",
      "docker trust inspect $R/app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
      "nobody trust inspect --pretty $R/app",
      "docker trust sign $R/app:v1",
      "docker tag base:2 $R/app:v2; docker trust sign $R/app:v2",
      "docker tag base:3 $R/app:v2; docker trust sign $R/app:v2",
      "docker trust sign --local $R/app:v2",
      "docker trust sign --local $R/app:v2",
      "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=wrong-one docker trust sign $R/app:v2",
      "docker tag base:1 $R/app:v3; DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=wrong-one docker trust sign $R/app:v3",
      `printf 'repo-pass-1\n' | ${asking} docker trust sign $R/app:v3`,
      "bob trust sign $R/app:v1",
      "bob trust revoke $R/app:v1",
      "DOCKER_HOST=unix:///nowhere/d.sock docker trust sign --local $R/app:v1",
      "docker trust inspect --pretty $R/app",
      "docker trust revoke $R/app:v1",
      "docker trust revoke $R/app:v1",
      "docker trust revoke $R/nothing:v1",
      "docker trust revoke -y $R/nothing",
      "docker trust revoke -y $R/app",
      "docker trust revoke -y $R/app",
      "docker trust inspect $R/app",
      "docker trust inspect --pretty $R/app",
      "docker trust sign $R/app:v1",
      "docker trust inspect --pretty $R/app",
    ],
  },
  signers: {
    steps: [
      "bob trust key generate bob",
      "docker trust signer add --key bob.pub bob $R/team $R/other",
      "docker trust inspect $R/team",
      "docker trust inspect --pretty $R/team",
      "docker tag base:1 $R/team:v1; docker trust sign $R/team:v1",
      "bob trust sign $R/team:v1",
      "docker trust inspect --pretty $R/team",
      "docker trust key generate alice",
      "docker trust signer add --key alice.pub --key dan.crt alice $R/team",
      "docker trust sign $R/team:v1",
      "docker trust inspect $R/team",
      "docker trust signer add --key frank.pub frank $R/team",
      "docker trust signer add --key frank.pub frank $R/team",
      "docker trust inspect --pretty $R/team",
      "docker tag base:2 $R/team:v2; bob trust sign $R/team:v2",
      "docker trust key load --name frank frank.key; docker trust sign $R/team:v2",
      "docker trust inspect --pretty $R/team",
      "docker trust signer remove zed $R/team",
      "docker trust signer remove releases $R/team",
      "docker trust signer remove bob $R/other",
      "docker trust signer remove bob $R/nothing",
      "docker trust revoke $R/team:v2",
      "docker trust inspect --pretty $R/team",
      "docker tag base:1 $R/plain:1; docker trust sign $R/plain:1",
    ],
  },
  "signers removed": {
    like: [20],
    steps: [
      "bob trust key generate bob; docker trust key generate carol",
      "docker tag base:1 $R/team:v1; docker trust sign $R/team:v1",
      "docker trust signer add --key bob.pub bob $R/team; docker trust signer add --key carol.pub carol $R/team",
      "docker trust signer remove carol $R/team",
      "docker trust inspect --pretty $R/team",
      "docker trust signer remove -f bob $R/team",
      "docker trust inspect --pretty $R/team",
      "docker trust signer remove zed $R/team $R/nothing",
      "echo y | docker trust signer remove alice $R/team",
      "docker trust inspect --pretty $R/team",
      "docker trust signer remove -f alice $R/team",
    ],
  },
  "images that are not there": {
    like: [28],
    steps: [
      "docker trust sign $R/app:nope",
      "docker trust sign --local $R/app:nope",
      "docker tag base:1 $R/app:v1; docker trust sign $R/app:v1",
      "docker trust sign --local $R/app:nope",
      "docker trust sign $R/app:nope",
    ],
  },
  "questions answered on standard input": {
    like: [28],
    steps: [
      "docker tag base:1 $R/app:v1; docker tag base:2 $R/app:v2; docker trust sign $R/app:v1",
      "docker trust sign $R/app:v2",
      "echo n | docker trust revoke $R/app",
      "echo yes | docker trust revoke $R/app",
      "docker trust revoke $R/app < /dev/null",
      "echo n | docker trust signer remove alice $R/app",
      "docker trust inspect --pretty $R/app",
      "echo Y | docker trust revoke $R/app",
      "docker trust inspect --pretty $R/app",
    ],
  },
  "a collection without signers": {
    steps: [
      "docker tag base:1 $R/plain:1; DOCKER_CONTENT_TRUST=1 docker push -q $R/plain:1 > /dev/null",
      "docker trust inspect $R/plain",
      "docker trust sign $R/plain:1",
      "docker tag base:2 $R/plain:2; docker trust sign $R/plain:2",
      "docker trust inspect --pretty $R/plain",
      "bob trust sign $R/plain:2",
      "docker trust revoke $R/plain:2",
      "docker trust inspect --pretty $R/plain:2",
    ],
  },
  "servers that are not there, or not to be trusted": {
    like: [28],
    steps: [
      "DOCKER_CONTENT_TRUST_SERVER=http://127.0.0.1:1 docker trust inspect $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=http://127.0.0.1:1 docker trust sign $R/app:1",
      "DOCKER_CONTENT_TRUST_SERVER=http://127.0.0.1:1 docker trust signer add --key dan.pub dan $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=http://127.0.0.1:1 docker trust signer remove dan $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust inspect $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust inspect --pretty $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust sign $R/app:1",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust revoke -y $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust signer add --key dan.pub dan $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust signer remove dan $R/app",
      "docker trust sign registry.example.test:5000/app:1",
      "docker trust inspect registry.example.test:5000/app",
      "DOCKER_CONTENT_TRUST_SERVER=$DOCKER_CONTENT_TRUST_SERVER docker --config $HOME/empty trust inspect registry.example.test:5000/app",
      "docker --config $HOME/empty trust sign registry.example.test:5000/app:1",
      "mkdir -p empty/tls/${DOCKER_CONTENT_TRUST_SERVER#https://}; touch empty/tls/${DOCKER_CONTENT_TRUST_SERVER#https://}/client.cert; docker --config $HOME/empty trust inspect registry.example.test:5000/app",
      "docker tag base:1 $R/app:1; docker trust sign $R/app:1",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust inspect --pretty $R/app",
      "DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:1 docker trust revoke $R/app:1",
    ],
  },
};

interface Script {
  /** Which versions of Docker's command line do just so; all without it. */
  readonly like?: readonly number[];
  readonly steps: readonly string[];
}

const clis = await dockerClisWithTrust();

describe("docker trust and ours, side by side", { concurrency: false }, () => {
  const suite = suiteScope();
  let site: TrustSite;
  before(async () => {
    if (canStartDockerEngine()) site = await startTrustSite(suite);
  });

  for (const [name, { like, steps }] of Object.entries(scripts)) {
    const originals = clis.filter(({ major }) => like?.includes(major) ?? true);
    // What only another version does is left to machines that have it; test/cli/trustTranscripts.test.ts has the words of 28.
    if (originals.length === 0 && like !== undefined) continue;
    test(`${name}: ours does what the original does`, async (t) => {
      if (!requireDockerEngine(t)) return;
      const room = name.replaceAll(/[^a-z]/g, "");
      const [found, ...expected] = await Promise.all([
        new TrustDesk(t, site, { docker: oursForDocker, namespace: `${room}/ours` }).runAll(steps),
        ...originals.map(({ path, major }) => {
          return new TrustDesk(t, site, { docker: `exec ${path} "$@"`, namespace: `${room}/cl${major}` }).runAll(steps);
        }),
      ]);
      for (const [at, { version, major }] of originals.entries()) {
        const compared = (outcome: DeskOutcome | undefined): unknown => (major < 28 ? lowerCased(outcome) : outcome);
        const differing = steps.flatMap((_, step) => {
          return isDeepStrictEqual(compared(found[step]), compared(expected[at]?.[step])) ? [] : [step];
        });
        assert.deepEqual(
          differing.map((step) => found[step]),
          differing.map((step) => expected[at]?.[step]),
          `compared with ${version}`,
        );
      }
    });
  }
});

/** Older versions begin their errors with a capital letter. */
function lowerCased(outcome: DeskOutcome | undefined): unknown {
  return { ...outcome, stderr: outcome?.stderr.map((line) => line.charAt(0).toLowerCase() + line.slice(1)) };
}
