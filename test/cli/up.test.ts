/** `countersign up` as a process: ready, told how to use it, stopped, started again, and refused where it cannot work. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { runOk } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import { NotaryUser } from "../support/notaryUser.ts";
import { ListeningRegistry } from "../support/registry.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

interface Got {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function get(url: string, caFile: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    request(url, { ca: readFileSync(caFile), agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    })
      .on("error", reject)
      .end();
  });
}

test("is healthy once its address is shown, over TLS that its own authority vouches for", async (t) => {
  const { url, caFile } = await startCountersign(t);
  const { status, body } = await get(`${url}/healthz`, caFile);
  assert.deepEqual([status, body], [200, '{"status":"ok","failures":{}}\n']);
  assert.equal((await get(`${url}/v2/`, caFile)).status, 200);
});

test("the lines it tells people to type give Docker's directories the authority, and name images after its address", async (t) => {
  const service = await startCountersign(t);
  const lines = service.output().match(/^ {2}(?:mkdir|cp|export|docker) .*$/gm) ?? [];
  const home = temporaryDirectory(t);
  const { stdout } = await runOk(
    "/bin/sh",
    ["-ec", ['docker() { echo "docker $*"; }', ...lines, 'echo "$DOCKER_CONTENT_TRUST"'].join("\n")],
    { env: { HOME: home }, cwd: home },
  );
  const image = `${service.host}/team/app:1.0`;
  assert.equal(stdout, `docker tag IMAGE ${image}\ndocker push ${image}\ndocker pull ${image}\n1\n`);
  const copied = readFileSync(join(home, ".docker/tls", service.host, "ca.crt"), "utf8");
  assert.equal(copied, readFileSync(service.caFile, "utf8"));
  assert.doesNotMatch(service.output(), /certs\.d/, "an engine needs nothing for a registry on its own machine");
});

test("listening for other machines, it says what these need", async (t) => {
  const output = (await startCountersign(t, { args: ["--listen", ":0"] })).output();
  assert.match(output, /^ {2}cp ca\.crt \/etc\/docker\/certs\.d\/[\w.-]+:\d+\/ca\.crt$/m);
  assert.match(output, /^There is no login here: whoever reaches this address can push, delete and publish\./m);
});

test("secrets in the data directory are for its owner only", async (t) => {
  const { data } = await startCountersign(t, { data: join(temporaryDirectory(t), "new/data") });
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  assert.equal(mode(data), "700");
  for (const name of ["signer.passphrase", "signer.db", "ca.key", "server.key"]) {
    assert.equal(mode(join(data, name)), "600", name);
  }
});

test("what was published is there after a stop and a start, under the same authority", async (t) => {
  const first = await startCountersign(t);
  const user = new NotaryUser(t, first);
  await user.notary("init example.test/kept --publish");
  await user.notary("add example.test/kept v1 hello.txt --publish");
  const authority = readFileSync(first.caFile, "utf8");
  await first.stop("SIGTERM");
  assert.equal(first.process.exitCode, 0, first.output());
  assert.match(first.output(), /stopping/);

  const second = await startCountersign(t, { data: first.data });
  assert.equal(readFileSync(second.caFile, "utf8"), authority);
  const listed = await new NotaryUser(t, second).notary("list example.test/kept");
  assert.match(listed.stdout, /^v1 +[0-9a-f]{64} +6 +targets$/m);
  await second.stop("SIGINT");
  assert.equal(second.process.exitCode, 0, second.output());
});

test("speaks plain HTTP when asked to, and then makes no authority", async (t) => {
  const { url, data } = await startCountersign(t, { args: ["--http"] });
  assert.match(url, /^http:/);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.deepEqual(
    readdirSync(data).filter((name) => name.startsWith("ca.")),
    [],
  );
});

test("the settings of every part come from the environment, and wrong ones are told", async (t) => {
  const data = temporaryDirectory(t);
  const cases: readonly (readonly [name: string, value: string, message: RegExp])[] = [
    ["COUNTERSIGN_SERVER_NOPE", "1", /there is no setting COUNTERSIGN_SERVER_NOPE .*\n {2}hint: .*_SERVER_BODY_LIMIT/],
    [
      "COUNTERSIGN_REGISTRY_NOPE",
      "1",
      /there is no setting COUNTERSIGN_REGISTRY_NOPE .*\n {2}hint: .*_REGISTRY_DELETION/,
    ],
    ["COUNTERSIGN_REGISTRY_MANIFEST_BYTES", "1", /manifestBytes: .*\(given: 1\) \(REGISTRY_CONFIG\)/],
    ["COUNTERSIGN_REGISTRY_STORAGE_MAX_UPLOADS", "0", /maxUploads: .*\(given: 0\) \(REGISTRY_CONFIG\)/],
    ["COUNTERSIGN_SIGNED_ONLY_REPOSITORIES", "team/* Bad", /repositories\.1: .*\(given: "Bad"\) \(CLI_SETTING\)/],
  ];
  for (const [name, value, message] of cases) {
    const result = await countersign(["up", "--data", data, "--listen", "127.0.0.1:0"], {
      env: { HOME: data, [name]: value },
    });
    assert.match(result.stderr, message);
    assert.equal(result.code, 2, result.stderr);
  }
});

test("registry and trust server share the address", async (t) => {
  const { url, caFile, data } = await startCountersign(t);
  const status = async (path: string): Promise<number | undefined> => (await get(`${url}${path}`, caFile)).status;
  const ping = await get(`${url}/v2/`, caFile);
  assert.deepEqual([ping.status, ping.body], [200, "{}"]);
  assert.equal(ping.headers["docker-distribution-api-version"], "registry/2.0");
  assert.deepEqual((await get(`${url}/v2/_catalog`, caFile)).body, '{"repositories":[]}');
  assert.match((await get(`${url}/v2/team/app/manifests/1.0`, caFile)).body, /"NAME_UNKNOWN"/);
  assert.match((await get(`${url}/v2/team/app/_trust/tuf/root.json`, caFile)).body, /"METADATA_NOT_FOUND"/);
  assert.match((await get(`${url}/v2/_trust/changefeed?records=1`, caFile)).body, /"count":0/);
  assert.equal(await status("/_notary_server/health"), 200);
  const metrics = (await get(`${url}/metrics`, caFile)).body;
  assert.match(metrics, /^registry_http_requests_total\{.*handler="manifest".*\} 1$/m);
  assert.match(metrics, /^notary_server_http_requests_total\{.*operation="GetRole".*\} 1$/m);
  assert.equal(metrics.match(/^process_resident_memory_bytes /gm)?.length, 1);

  assert.equal(await status("/healthz"), 200);
  rmSync(join(data, "registry"), { recursive: true });
  while ((await status("/healthz")) !== 503); // Answers about health are reused for a second.
  assert.match(
    (await get(`${url}/healthz`, caFile)).body,
    /^\{"status":"failing","failures":\{"registry storage":".+"\}\}\n$/,
  );
});

test("images can lie in another directory, such as one that a registry has written", async (t) => {
  const directory = temporaryDirectory(t);
  const first = await ListeningRegistry.start(t, { directory });
  const digest = await first.pushBlob("team/app", "a blob");
  await first.close();
  const { url, caFile, data } = await startCountersign(t, {
    env: { COUNTERSIGN_REGISTRY_STORAGE_DIRECTORY: directory },
  });
  assert.equal((await get(`${url}/v2/team/app/blobs/${digest}`, caFile)).body, "a blob");
  assert.ok(!readdirSync(data).includes("registry"));
});

test("a second process on the same data directory is refused, and the first is not disturbed", async (t) => {
  const { url, caFile, data } = await startCountersign(t);
  const second = await countersign(["up", "--data", data, "--listen", "127.0.0.1:0"], { env: { HOME: data } });
  assert.equal(second.code, 1);
  assert.match(
    second.stderr,
    /^countersign: the database is in use by another trust server \(SERVER_STORE_OPEN\)\n {2}hint: /,
  );
  assert.equal((await get(`${url}/healthz`, caFile)).status, 200);
});

test("says what is wrong when it cannot start", async (t) => {
  const running = await startCountersign(t);
  const data = temporaryDirectory(t);
  const file = join(data, "a-file");
  writeFileSync(file, "");
  const cases: readonly (readonly [args: string[], code: number, message: RegExp])[] = [
    [["--data", data, "--listen", running.host], 1, /cannot listen on .*EADDRINUSE.*\(HTTP_LISTEN\)\n {2}hint: /],
    [["--data", file], 1, /cannot open the database .*\(SERVER_STORE_OPEN\)\n {2}hint: /],
    [["--listen", "nowhere"], 2, /"nowhere" is not an address of the form HOST:PORT \(HTTP_ADDRESS\)/],
    [["--lsiten", ":1"], 2, /unknown option '--lsiten' \(CLI_USAGE\)/],
    [["--data"], 2, /option '--data <value>' argument missing \(CLI_USAGE\)/],
    [["now"], 2, /up takes no arguments, but got "now" \(CLI_USAGE\)/],
  ];
  for (const [args, code, message] of cases) {
    const result = await countersign(["up", ...args], { env: { HOME: data } });
    assert.match(result.stderr, message);
    assert.equal(result.code, code, result.stderr);
    assert.equal(result.stdout, "");
  }
});
