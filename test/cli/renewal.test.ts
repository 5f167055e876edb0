/** `countersign expiry` and `countersign renew` at the command line. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { sampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";

interface ExpiryJson {
  readonly within: number;
  readonly runsOut: boolean;
  readonly collections: readonly {
    readonly collection: string;
    readonly expiries?: readonly {
      readonly role: string;
      readonly what: string;
      readonly expires: string;
      readonly days: number;
      readonly runsOut: boolean;
      readonly renewer: string;
    }[];
    readonly error?: { readonly code: string };
  }[];
}

/** The content of every file below a directory. */
function contents(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted();
  return new Map(
    files
      .map((file) => join(directory, file))
      .filter((file) => statSync(file).isFile())
      .map((file) => [file, createHash("sha256").update(readFileSync(file)).digest("hex")]),
  );
}

describe("countersign expiry and renew", () => {
  const site = suiteSite();

  async function publish(owner: ImageUser, repository: string): Promise<string> {
    await owner.push(sampleImage(), `${site.host}/${repository}:1.0`);
    succeeded(await owner.run("sign", `${site.host}/${repository}:1.0`));
    return `${site.host}/${repository}`;
  }

  async function metadata(gun: string): Promise<string[]> {
    const roles = ["root", "targets", "snapshot", "timestamp"];
    return await Promise.all(
      roles.map(async (role) => (await fetch(`${site.url}/v2/${gun}/_trust/tuf/${role}.json`)).text()),
    );
  }

  async function expiries(owner: ImageUser, ...args: readonly string[]): Promise<ExpiryJson> {
    const result = await owner.run("expiry", "--json", ...args);
    const document = JSON.parse(result.stdout) as ExpiryJson;
    assert.equal(result.code, document.runsOut ? 3 : 0, result.stderr);
    return document;
  }

  test("what runs out when, by name or for all collections known here, and exit code 3 only within the threshold", async (t) => {
    const owner = new ImageUser(t);
    const one = await publish(owner, "expiry/one");
    const two = await publish(owner, "expiry/two");
    const calm = succeeded(await owner.run("expiry", `${one}:1.0`));
    assert.match(calm.stdout, /^RUNS OUT +IN +WHAT +RENEWED BY\n[\d-]{10} +13 days +timestamp +the trust server\n/);
    assert.match(calm.stdout, /^[\d-]{10} +1094 days +targets +this machine$/m);
    assert.match(calm.stdout, /^[\d-]{10} +1094 days +snapshot +the trust server, or key [0-9a-f]{12}$/m);
    assert.match(calm.stdout, /^[\d-]{10} +3649 days +root +this machine$/m);
    assert.match(calm.stdout, /^[\d-]{10} +3649 days +root certificate [0-9a-f]{12} +this machine$/m);
    assert.equal(calm.stdout.split("\n").length, 7);

    const all = await expiries(owner);
    assert.deepEqual(
      all.collections.map(({ collection }) => collection),
      [one, two],
    );
    assert.equal(all.runsOut, false);

    const soon = await expiries(owner, "--within", "1100", two);
    assert.deepEqual(
      soon.collections[0]?.expiries
        ?.filter(({ runsOut }) => runsOut)
        .map(({ role }) => role)
        .toSorted(),
      ["snapshot", "targets"],
    );
    const said = await owner.run("expiry", "--within", "1100", two);
    assert.equal(said.code, 3, said.stdout);
    assert.match(said.stderr, /within 1100 days there runs out: .*; renew it with: countersign renew /);
  });

  test("a collection never seen here is not believed, and one that is not there does not hide the others", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "expiry/strange");
    const stranger = new ImageUser(t);
    const refused = await stranger.run("expiry", gun);
    assert.equal(refused.code, 3, refused.stdout);
    assert.match(refused.stderr, /\(CLI_UNPINNED\)/);
    const mixed = await owner.run("expiry", "--json", `${site.host}/expiry/absent`, gun);
    assert.equal(mixed.code, 3, mixed.stderr);
    const { collections } = JSON.parse(mixed.stdout) as ExpiryJson;
    assert.deepEqual(
      collections.map(({ error, expiries: found }) => error?.code ?? found?.length),
      ["TRUST_NO_DATA", 5],
    );
  });

  test("without a collection there is nothing to tell, and a wrong number of days is refused", async (t) => {
    const nobody = new ImageUser(t);
    const empty = succeeded(await nobody.run("expiry"));
    assert.equal(empty.stdout, "");
    assert.match(empty.stderr, /there are no collections in /);
    for (const days of ["soon", "-1", "1.5", "99999"]) {
      const result = await nobody.run("expiry", `--within=${days}`);
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, /--within takes a number of days from 0 to 36500, not .*\(CLI_USAGE\)/);
    }
  });

  test("renew does what its plan said, and the plan did nothing", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "renew/planned");
    const calm = succeeded(await owner.run("renew", gun));
    assert.equal(calm.stdout, `nothing in ${gun} runs out within 180 days\n`);

    const [disk, served] = [contents(owner.home), await metadata(gun)];
    const plan = succeeded(await owner.run("renew", "--plan", "--within", "5000", gun));
    assert.deepEqual(contents(owner.home), disk);
    assert.deepEqual(await metadata(gun), served);
    assert.deepEqual(
      plan.stdout.split("\n").map((line) =>
        line
          .replaceAll(/[0-9a-f]{12}/g, "ID")
          .replaceAll(/\d{4}-\d\d-\d\d/g, "DAY")
          .replaceAll(/ {2,}/g, " "),
      ),
      [
        `plan for ${gun}: this would be published; nothing has been changed`,
        " root version 2, until DAY signed with key ID",
        " targets version 3, until DAY signed with key ID",
        " snapshot next version signed by the trust server",
        " timestamp next version signed by the trust server",
        "",
      ],
    );

    const renewed = succeeded(await owner.run("renew", "--within", "5000", gun));
    assert.match(
      renewed.stdout,
      /^renewed .*\n {2}root {6}version 2, until [\d-]{10}\n {2}targets {3}version 3, until [\d-]{10}\n$/,
    );
    assert.match(renewed.stderr, /the root certificate [0-9a-f]{64} is now [0-9a-f]{64}: who pinned it/);
    succeeded(await owner.run("verify", `${gun}:1.0`));
  });

  test("renewing without the keys names them, and other failures keep their exit codes", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "renew/elsewhere");
    const reader = new ImageUser(t);
    const result = await reader.run("renew", "--json", "--first-use", "accept", "--within", "5000", gun);
    assert.equal(result.code, 1, result.stderr);
    const [{ error }] = JSON.parse(result.stdout) as [{ error: { code: string; hint: string } }];
    assert.equal(error.code, "TRUST_KEY_NOT_FOUND");
    assert.match(error.hint, /targets needs [0-9a-f]{64}/);
    assert.equal((await owner.run("renew")).code, 2);
    const locked = new ImageUser(t, { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "not the one" });
    const elsewhere = await locked.run(
      "renew",
      "--trust-dir",
      join(owner.home, ".docker/trust"),
      "--within",
      "1100",
      gun,
    );
    assert.equal(elsewhere.code, 1, elsewhere.stdout);
    assert.match(elsewhere.stderr, /could not find necessary signing keys, .*\(TUF_NO_SIGNING_KEY\)/);
  });
});
