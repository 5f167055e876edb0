/**
 * The real Docker engine and its command line, a real registry beside it, and our trust server: what a team does with
 * content trust from the first signed push to the refusal of what nobody signed.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import type { RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import type { RunningCountersign } from "../support/countersign.ts";
import { startDockerEngine } from "../support/dockerEngine.ts";
import type { DockerEngine } from "../support/dockerEngine.ts";
import { startDockerRegistry } from "../support/dockerRegistry.ts";
import { dockerPassphrases, DockerUser, pushedDigest, succeeded } from "../support/dockerUser.ts";
import { canStartDockerEngine, requireDockerEngine } from "../support/peers.ts";
import { suiteScope } from "../support/suiteScope.ts";
import type { Scope } from "../support/temporaryDirectory.ts";

interface Site {
  readonly engine: DockerEngine;
  readonly registry: string;
  readonly trustServer: RunningCountersign;
}

async function startSite(t: Scope): Promise<Site> {
  const [engine, registry, trustServer] = await Promise.all([
    startDockerEngine(t),
    startDockerRegistry(t),
    startCountersign(t),
  ]);
  return { engine, registry, trustServer };
}

function newUser(t: Scope, { engine, trustServer }: Site): DockerUser {
  const user = new DockerUser(t, engine, { DOCKER_CONTENT_TRUST_SERVER: trustServer.url });
  user.trustsCertificateOf(trustServer);
  return user;
}

describe("Docker with our trust server", { concurrency: false }, () => {
  // One site for the whole story, as engines start slowly; each test uses repositories of its own.
  const suite = suiteScope();
  let site: Site;
  before(async () => {
    if (canStartDockerEngine()) site = await startSite(suite);
  });

  test("a signed push is pulled by a second user with an empty home, and only the signed content", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = newUser(t, site);
    const image = `${site.registry}/team/app:1.0`;
    await alice.makeImage(image, "signed content");
    const push = succeeded(await alice.trusting(["push", image]));
    assert.match(push.stdout, /Successfully signed .*\/team\/app:1\.0/);
    const signed = pushedDigest(push);

    await alice.makeImage(image, "content put there behind the publisher's back");
    const moved = pushedDigest(succeeded(await alice.docker(["push", image])));
    assert.notEqual(moved, signed);

    const bob = newUser(t, site);
    succeeded(await bob.docker(["rmi", image]));
    const pull = succeeded(await bob.trusting(["pull", image]));
    assert.match(pull.stdout, new RegExp(`Digest: ${signed}`));
    const inspected = succeeded(await bob.docker(["image", "inspect", "--format", "{{json .RepoDigests}}", image]));
    assert.deepEqual(JSON.parse(inspected.stdout), [`${site.registry}/team/app@${signed}`]);
  });

  test("an unsigned tag and an unknown repository are refused with Docker's words", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = newUser(t, site);
    const signed = `${site.registry}/team/partly:signed`;
    const unsigned = `${site.registry}/team/partly:unsigned`;
    await alice.makeImage(signed, "partly");
    succeeded(await alice.trusting(["push", signed]));
    succeeded(await alice.docker(["tag", signed, unsigned]));
    succeeded(await alice.docker(["push", unsigned]));

    const bob = newUser(t, site);
    const refused = await bob.trusting(["pull", unsigned]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /No valid trust data for unsigned/);
    const unknown = await bob.trusting(["pull", `${site.registry}/team/nobody:1`]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /does not have trust data for .*\/team\/nobody/);

    const ours = await countersign(["verify", "--first-use", "accept", unsigned], { env: bob.env });
    assert.equal(ours.code, 3, ours.stdout + ours.stderr);
  });

  test("a signer is added, signs, and both inspect commands print the same bytes", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = newUser(t, site);
    const repository = `${site.registry}/team/signers`;
    await alice.makeImage(`${repository}:1.0`, "first");
    succeeded(await alice.trusting(["push", `${repository}:1.0`]));
    succeeded(await alice.docker(["trust", "key", "generate", "alice"]));
    succeeded(await alice.docker(["trust", "signer", "add", "--key", "alice.pub", "alice", repository]));
    await alice.makeImage(`${repository}:2.0`, "second");
    const sign = succeeded(await alice.docker(["trust", "sign", `${repository}:2.0`]));
    assert.match(sign.stdout, /Successfully signed/);

    const bob = newUser(t, site);
    for (const flags of [[], ["--pretty"]]) {
      for (const image of [repository, `${repository}:2.0`, `${repository}:absent`]) {
        const theirs = await bob.docker(["trust", "inspect", ...flags, image]);
        const ours = await countersign(["inspect", ...flags, image], { env: bob.env });
        assert.equal(ours.stdout, theirs.stdout, `inspect ${flags.join(" ")} ${image}\n${ours.stderr}`);
        assert.equal(ours.code, theirs.code, ours.stderr);
      }
    }
    const verified = succeeded(
      await countersign(["verify", "--json", "--first-use", "accept", `${repository}:2.0`], { env: bob.env }),
    );
    assert.match(verified.stdout, /"alice"/);
    const pull = succeeded(await bob.trusting(["pull", `${repository}:2.0`]));
    const digest = /Digest: (sha256:[0-9a-f]{64})/.exec(pull.stdout)?.[1] ?? assert.fail(pull.stdout);
    assert.ok(verified.stdout.includes(digest), `${digest} in ${verified.stdout}`);

    succeeded(await alice.docker(["trust", "revoke", `${repository}:2.0`]));
    const revoked = await countersign(["verify", "--first-use", "accept", `${repository}:2.0`], { env: bob.env });
    assert.equal(revoked.code, 3, revoked.stdout + revoked.stderr);
  });

  test("a trust directory made by Docker works under our notary, and the reverse", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = newUser(t, site);
    const repository = `${site.registry}/team/shared`;
    const notaryEnv = {
      ...alice.env,
      NOTARY_ROOT_PASSPHRASE: dockerPassphrases.DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE,
      NOTARY_TARGETS_PASSPHRASE: dockerPassphrases.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE,
      NOTARY_SNAPSHOT_PASSPHRASE: dockerPassphrases.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE,
    };
    const notary = (...args: string[]): Promise<RunResult> =>
      countersign(
        [
          "notary",
          ...["-d", join(alice.home, ".docker/trust")],
          ...["-s", site.trustServer.url, "--tlscacert", site.trustServer.caFile],
          ...args,
        ],
        { env: notaryEnv, cwd: alice.home },
      );

    await alice.makeImage(`${repository}:1.0`, "shared");
    const digest = pushedDigest(succeeded(await alice.trusting(["push", `${repository}:1.0`])));
    const listed = succeeded(await notary("list", repository));
    assert.match(listed.stdout, new RegExp(`1\\.0 +${digest.slice("sha256:".length)} +\\d+ +targets`));

    // Ours signs a second name for the same manifest with the keys Docker made; Docker pulls it by that name.
    const size = /^1\.0 +\S+ +(\d+)/m.exec(listed.stdout)?.[1] ?? assert.fail(listed.stdout);
    succeeded(
      await notary("addhash", repository, "stable", size, "--sha256", digest.slice("sha256:".length), "--publish"),
    );
    const bob = newUser(t, site);
    const pull = succeeded(await bob.trusting(["pull", `${repository}:stable`]));
    assert.match(pull.stdout, new RegExp(`Digest: ${digest}`));

    // A collection we initialised, with keys we made, is signed into by Docker.
    const ours = `${site.registry}/team/ours`;
    succeeded(await notary("init", ours, "--publish"));
    succeeded(await notary("key", "rotate", ours, "snapshot", "--server-managed"));
    await alice.makeImage(`${ours}:1.0`, "ours");
    const push = succeeded(await alice.trusting(["push", `${ours}:1.0`]));
    assert.match(push.stdout, /Successfully signed/);
    assert.match(succeeded(await notary("list", ours)).stdout, new RegExp(pushedDigest(push).slice("sha256:".length)));
  });
});
