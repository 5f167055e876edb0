/**
 * Where ours does better than the original `docker trust` on purpose: the original at work beside ours shows what is different,
 * and that nothing else is. The list is in docs/docker-trust.md.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { dockerClisWithTrust } from "../support/dockerCli.ts";
import { canStartDockerEngine, requireDockerEngine } from "../support/peers.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { oursForDocker, startTrustSite, TrustDesk } from "../support/trustDesk.ts";
import type { DeskOutcome, TrustSite } from "../support/trustDesk.ts";

const asking = "env -u DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE -u DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE";
const addBob = "docker trust signer add --key bob.pub bob $R/app";
const signed = "docker tag base:1 $R/app:v1; docker trust sign $R/app:v1";

describe("docker trust, and what ours does better", { concurrency: false }, () => {
  const suite = suiteScope();
  let site: TrustSite;
  before(async () => {
    if (canStartDockerEngine()) site = await startTrustSite(suite);
  });

  /** The outcome of the last command; none of the original where its version is not here. */
  async function compare(
    t: TestContext,
    room: string,
    commands: readonly string[],
  ): Promise<{ readonly ours: DeskOutcome; readonly theirs: DeskOutcome | undefined }> {
    const original = (await dockerClisWithTrust()).find(({ major }) => major >= 28);
    const run = async (docker: string, who: string): Promise<DeskOutcome | undefined> => {
      return (await new TrustDesk(t, site, { docker, namespace: `${room}/${who}` }).runAll(commands)).at(-1);
    };
    const [ours, theirs] = await Promise.all([
      run(oursForDocker, "ours"),
      original && run(`exec ${original.path} "$@"`, "them"),
    ]);
    assert.ok(ours);
    return { ours, theirs };
  }

  function keyFiles({ files }: DeskOutcome): readonly string[] {
    return files.filter((file) => file.includes("/private/"));
  }

  test("a signer who did not sign last is removed, and with --force without a question", async (t) => {
    if (!requireDockerEngine(t)) return;
    for (const [room, remove] of [
      ["removed", "docker trust signer remove bob $R/app"],
      ["forced", "docker trust signer remove -f alice $R/app"],
    ] as const) {
      const steps = ["bob trust key generate bob", signed, addBob, remove, "docker trust inspect --pretty $R/app"];
      const { ours, theirs } = await compare(t, room, steps);
      const name = remove.includes("bob") ? /^bob /m : /^alice /m;
      assert.doesNotMatch(ours.stdout.join("\n"), name);
      if (theirs) assert.match(theirs.stdout.join("\n"), name);
    }
  });

  test("a key encrypted by another program is really loaded", async (t) => {
    if (!requireDockerEngine(t)) return;
    const steps = [
      `printf 'dan-pass-12\\nour-own-pass\\nour-own-pass\\n' | ${asking} docker trust key load dan-enc.key`,
    ];
    const { ours, theirs } = await compare(t, "loaded", steps);
    assert.deepEqual([ours.code, keyFiles(ours).length], [0, 1], ours.stderr.join("\n"));
    if (theirs) assert.deepEqual([theirs.code, keyFiles(theirs).length], [0, 0]);
  });

  test("an Ed25519 key of another program is loaded", async (t) => {
    if (!requireDockerEngine(t)) return;
    const { ours, theirs } = await compare(t, "edwards", ["docker trust key load --name gina gina.key"]);
    assert.deepEqual([ours.code, keyFiles(ours).length], [0, 1], ours.stderr.join("\n"));
    if (theirs) assert.equal(theirs.code, 1);
  });

  test("who is not logged in gets the same words, but no keys and no beginning of a collection", async (t) => {
    if (!requireDockerEngine(t)) return;
    const steps = ["docker tag base:1 $R/app:v1; nobody trust sign $R/app:v1"];
    const { ours, theirs } = await compare(t, "nobody", steps);
    assert.deepEqual(ours.files, []);
    if (theirs) {
      assert.deepEqual({ ...ours, files: [] }, { ...theirs, files: [] });
      assert.notDeepEqual(theirs.files, []);
    }
  });

  test("an attempt that failed leaves nothing staged for the next one to publish", async (t) => {
    if (!requireDockerEngine(t)) return;
    const steps = ["bob trust key generate bob", signed, "bob trust signer add --key bob.pub bob $R/app"];
    const { ours, theirs } = await compare(t, "staged", steps);
    assert.equal(ours.code, 1);
    const changes = ({ files }: DeskOutcome): number => files.filter((file) => file.includes("/changelist/")).length;
    assert.equal(changes(ours), 0);
    if (theirs) {
      assert.deepEqual([theirs.stdout, theirs.stderr], [ours.stdout, ours.stderr]);
      assert.equal(changes(theirs), 4);
    }
  });

  test("answers for several keys can be piped in", async (t) => {
    if (!requireDockerEngine(t)) return;
    const answers = ["root", "root", "repository", "repository", "signers", "signers", "signers"];
    const typed = answers.map((word) => `${word}-passphrase\\n`).join("");
    const steps = [`docker tag base:1 $R/app:v1; printf '${typed}' | ${asking} docker trust sign $R/app:v1`];
    const { ours, theirs } = await compare(t, "piped", steps);
    assert.deepEqual([ours.code, ours.stdout.at(-2)], [0, "Successfully signed $R/app:v1"], ours.stderr.join("\n"));
    if (theirs) assert.equal(theirs.code, 1);
  });

  test("a wrong passphrase is not asked for in a second round, and none where nothing is to be signed", async (t) => {
    if (!requireDockerEngine(t)) return;
    const questions = ({ stdout }: DeskOutcome): number =>
      stdout.filter((line) => line.startsWith("Enter pass")).length;
    const wrong = [signed, `echo a-wrong-one | ${asking} docker trust revoke $R/app:v1`];
    const refused = await compare(t, "wrong", wrong);
    assert.deepEqual([refused.ours.code, questions(refused.ours)], [1, 2]);
    if (refused.theirs) assert.deepEqual([refused.theirs.code, questions(refused.theirs)], [1, 3]);
    const again = await compare(t, "again", [signed, `${asking} docker trust sign $R/app:v1 < /dev/null`]);
    assert.deepEqual([again.ours.code, questions(again.ours)], [0, 0]);
    if (again.theirs) assert.deepEqual([again.theirs.code, questions(again.theirs) > 0], [0, true]);
  });

  test("any certificate is taken only of a trust server on this machine", async (t) => {
    if (!requireDockerEngine(t)) return;
    const inspect = "docker --config $HOME/empty trust inspect $R/app";
    const here = await compare(t, "here", [signed, inspect]);
    assert.equal(here.ours.code, 0, here.ours.stderr.join("\n"));
    // Reaches this machine, but by an address that is not its own.
    const port = new URL(site.trustServer.url).port;
    const elsewhere = `DOCKER_CONTENT_TRUST_SERVER=https://0.0.0.0:${port} ${inspect}`;
    const { ours, theirs } = await compare(t, "there", [signed, elsewhere]);
    assert.equal(ours.code, 1);
    if (theirs) assert.equal(theirs.code, 0, theirs.stderr.join("\n"));
  });

  test("without an engine what the registry has is signed, and said so; not with --local", async (t) => {
    if (!requireDockerEngine(t)) return;
    const desk = new TrustDesk(t, site, { docker: oursForDocker, namespace: "engineless/ours" });
    await desk.run("docker tag base:1 $R/app:v1; docker push $R/app:v1");
    const without = "DOCKER_HOST=unix://$HOME/nowhere.sock";
    const local = await desk.run(`${without} docker trust sign --local $R/app:v1`);
    assert.match(
      local.stderr.join("\n"),
      /^Cannot connect to the Docker daemon at unix:\S+\. Is the docker daemon running\?$/m,
    );
    assert.equal(local.code, 1);
    const absent = await desk.run(`${without} docker trust sign $R/app:v2`);
    assert.deepEqual([absent.code, absent.files], [1, []], "nothing is begun for what is not there");
    const outcome = await desk.run(`${without} docker trust sign $R/app:v1`);
    assert.equal(outcome.code, 0, outcome.stderr.join("\n"));
    assert.match(outcome.stderr.join("\n"), /^No Docker engine at .*: signing \$R\/app:v1 as it is in the registry/m);
    assert.deepEqual(outcome.stdout.slice(-3), [
      "Signing and pushing trust metadata",
      "Successfully signed $R/app:v1",
      "",
    ]);
    const pull = await desk.run("docker rmi $R/app:v1; DOCKER_CONTENT_TRUST=1 docker pull $R/app:v1");
    assert.equal(pull.code, 0, pull.stderr.join("\n"));
  });
});
