/**
 * Docker's real command line calling our plugins. The version here still has `docker trust` built in, and a built-in command
 * goes first: so `docker countersign` is tested through Docker, and `docker-trust` by calling it as versions without it do.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import { countersign } from "../support/countersign.ts";
import { dockerClisWithTrust } from "../support/dockerCli.ts";
import { canStartDockerEngine, requireDockerEngine } from "../support/peers.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { startTrustSite, TrustDesk } from "../support/trustDesk.ts";
import type { TrustSite } from "../support/trustDesk.ts";

interface Plugin {
  readonly Name: string;
  readonly Path: string;
  readonly SchemaVersion?: string;
  readonly Vendor?: string;
  readonly Err?: string;
}

describe("plugins of Docker's command line", { concurrency: false }, () => {
  const suite = suiteScope();
  let site: TrustSite;
  before(async () => {
    if (canStartDockerEngine()) site = await startTrustSite(suite);
  });

  test("docker countersign has all our commands, docker trust among them, and passes on arguments, input and codes", async (t) => {
    if (!requireDockerEngine(t)) return;
    for (const { path, major } of await dockerClisWithTrust()) {
      const desk = new TrustDesk(t, site, { docker: `exec ${path} "$@"`, namespace: `plugin/cl${major}` });
      const install = await countersign(["trust", "install-plugin"], { env: { ...desk.env } });
      assert.equal(install.code, 0, install.stderr);
      const directory = join(desk.home, ".docker/cli-plugins");
      const names = ["docker-trust", "docker-countersign"];
      assert.equal(install.stdout, names.map((name) => `installed ${join(directory, name)}\n`).join(""));
      assert.match(install.stderr, /has its own docker trust, which goes first: use docker countersign trust/);

      const info = await desk.run("docker info --format '{{json .ClientInfo.Plugins}}'");
      const plugins = JSON.parse(info.stdout.join("")) as Plugin[];
      const found = new Map(plugins.map((plugin) => [plugin.Name, plugin]));
      assert.deepEqual([found.get("countersign")?.Vendor, found.get("countersign")?.Err], ["Countersign", undefined]);
      assert.match(JSON.stringify(found.get("trust")?.Err), /plugin \\"trust\\" duplicates builtin command/);
      assert.match((await desk.run("docker --help")).stdout.join("\n"), /^ +countersign\* *Sign and verify images/m);

      assert.match((await desk.run("docker countersign version")).stdout.join(""), /^countersign \d/);
      assert.match((await desk.run("docker countersign --help")).stdout.join("\n"), /^Usage: countersign COMMAND/m);
      assert.match((await desk.run("docker help countersign")).stdout.join("\n"), /^Usage: countersign COMMAND/m);
      assert.equal((await desk.run("docker countersign verify $R/app:v1")).code, 3);
      assert.equal((await desk.run("docker countersign nonsense")).code, 2);

      const sign = await desk.run("docker tag base:1 $R/app:v1; docker countersign trust sign $R/app:v1");
      assert.deepEqual([sign.code, sign.stdout.at(-2)], [0, "Successfully signed $R/app:v1"], sign.stderr.join("\n"));
      const [builtIn, ours] = await desk.runAll([
        "docker trust inspect --pretty $R/app",
        "docker countersign trust inspect --pretty $R/app",
      ]);
      assert.deepEqual(ours?.stdout, builtIn?.stdout);
      const revoke = await desk.run("echo y | docker countersign trust revoke $R/app");
      assert.match(revoke.stdout.join("\n"), /\[y\/N\] Successfully deleted signature for \$R\/app/);
      const global = await desk.run("cp -r .docker other; docker --config other -D countersign trust key generate zoe");
      assert.equal(global.code, 0, global.stderr.join("\n"));
      assert.ok(global.files.some((file) => file.includes(" other/trust/private/") && file.includes("role: zoe")));
    }
  });

  test("docker-trust answers and works as Docker from version 29 on calls it", async (t) => {
    if (!requireDockerEngine(t)) return;
    const desk = new TrustDesk(t, site, { docker: "exit 9", namespace: "plugin/new" });
    assert.equal((await countersign(["trust", "install-plugin"], { env: { ...desk.env } })).code, 0);
    const plugin = join(desk.home, ".docker/cli-plugins/docker-trust");
    const call = (...args: string[]): ReturnType<typeof runProgram> => {
      return runProgram(plugin, args, { env: desk.env, cwd: desk.home });
    };
    const metadata = JSON.parse((await call("docker-cli-plugin-metadata")).stdout) as Readonly<Record<string, string>>;
    assert.deepEqual([metadata["SchemaVersion"], metadata["Vendor"]], ["0.1.0", "Countersign"]);
    assert.match(metadata["Version"] ?? "", /^v\d/);
    assert.match((await call("trust", "--help")).stdout, /^\n?Usage: {2}docker trust COMMAND/);
    assert.match((await call("help", "trust", "sign")).stdout, /Usage: {2}docker trust sign IMAGE:TAG/);
    assert.match((await call("__complete", "trust", "si")).stdout, /^sign\t.*\nsigner\t/);
    const generated = await call("--config", join(desk.home, "other"), "trust", "key", "generate", "zoe");
    assert.equal(generated.code, 0, generated.stderr);
    assert.ok(statSync(join(desk.home, "other/trust/private")).isDirectory());
    const unknown = await call("trust", "inspect", `${desk.repository}/nothing`);
    assert.deepEqual([unknown.code, unknown.stdout], [1, "[]\n"]);
  });

  test("installing again replaces our own plugins, and never another's", async (t) => {
    const home = temporaryDirectory(t);
    const env = { HOME: home, DOCKER_CONFIG: join(home, "config") };
    const directory = join(home, "config/cli-plugins");
    assert.equal((await countersign(["trust", "install-plugin"], { env })).code, 0);
    assert.equal((await countersign(["trust", "install-plugin"], { env })).code, 0);
    const plugin = join(directory, "docker-trust");
    assert.equal(statSync(plugin).mode & 0o777, 0o755);
    writeFileSync(plugin, "#!/bin/sh\necho mine\n");
    writeFileSync(join(directory, "docker-countersign"), "");
    const refused = await countersign(["trust", "install-plugin"], { env });
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(refused.stderr, /docker-trust is there already, and not ours \(CLI_PLUGIN\)/);
    assert.equal(readFileSync(plugin, "utf8"), "#!/bin/sh\necho mine\n");
    assert.equal((await countersign(["trust", "install-plugin", "now"], { env })).code, 2);
    mkdirSync(join(home, "blocked"));
    writeFileSync(join(home, "blocked/cli-plugins"), "a file");
    const blocked = await countersign(["trust", "install-plugin"], {
      env: { ...env, DOCKER_CONFIG: join(home, "blocked") },
    });
    assert.equal(blocked.code, 1);
    assert.match(blocked.stderr, /CLI_PLUGIN/);
  });
});
