import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer, localSigning } from "../../test/support/trustServer.ts";

test("requests are counted and measured by operation, under Notary's names", async (t) => {
  const server = await ListeningServer.start(t, { metrics: new Registry() });
  const { gun } = await TestRepository.published(server);
  await server.get(`/v2/${gun}/_trust/tuf/timestamp.json`);
  await server.get(`/v2/${gun}/_trust/tuf/1.root.json`);
  await server.get("/v2/none/_trust/tuf/root.json");
  await server.request("DELETE", `/v2/${gun}/_trust/tuf/`);
  await server.get("/v2/");
  await server.get("/nothing");
  const answer = await server.request("GET", "/metrics");
  assert.match(answer.headers["content-type"] ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = answer.body.split("\n");
  for (const line of [
    'notary_server_http_requests_total{code="200",method="post",operation="UpdateTUF"} 1',
    'notary_server_http_requests_total{code="200",method="get",operation="GetKey"} 2',
    'notary_server_http_requests_total{code="200",method="get",operation="GetRole"} 1',
    'notary_server_http_requests_total{code="404",method="get",operation="GetRole"} 1',
    'notary_server_http_requests_total{code="200",method="get",operation="GetRoleByVersion"} 1',
    'notary_server_http_requests_total{code="200",method="delete",operation="DeleteTUF"} 1',
    'notary_server_http_request_duration_microseconds_count{operation="GetRole"} 2',
    'notary_server_http_response_size_bytes_count{operation="UpdateTUF"} 1',
    'notary_server_http_response_size_bytes_sum{operation="UpdateTUF"} 0',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  for (const metric of ["request_duration_microseconds", "request_size_bytes", "response_size_bytes"]) {
    for (const quantile of ["0.5", "0.9", "0.99"]) {
      assert.ok(
        lines.some((line) =>
          line.startsWith(`notary_server_http_${metric}{operation="GetRole",quantile="${quantile}"} `),
        ),
      );
    }
  }
  assert.doesNotMatch(answer.body, /operation="(?:undefined|ping)"/i);
});

test("the size of an upload is what was sent", async (t) => {
  const server = await ListeningServer.start(t, { metrics: new Registry() });
  await server.request("POST", "/v2/g/_trust/tuf/", { body: Buffer.alloc(10_000) });
  const { body } = await server.request("GET", "/metrics");
  const size = Number(/^notary_server_http_request_size_bytes_sum\{operation="UpdateTUF"\} (\d+)$/m.exec(body)?.[1]);
  assert.ok(size > 10_000 && size < 10_500, String(size));
});

test("by default the metrics of the process are there too", async (t) => {
  const server = await ListeningServer.start(t);
  assert.match((await server.get("/metrics")).body, /^process_cpu_seconds_total /m);
});

test("each request is one line in the log, without credentials", async (t) => {
  const server = await ListeningServer.start(t);
  await server.request("GET", "/v2/g/_trust/tuf/root.json?x=1", {
    headers: { Authorization: "Bearer hunter2", "User-Agent": "tester/1" },
  });
  const lines = server.log.filter(({ msg }) => msg === "response completed");
  assert.equal(lines.length, 1);
  const { time, ...line } = lines[0] ?? {};
  assert.match(String(time), /^\d{4}-/);
  assert.match(String(line["http.request.id"]), /^[0-9a-f-]{36}$/);
  assert.match(String(line["http.request.remoteaddr"]), /^127\.0\.0\.1:\d+$/);
  assert.match(String(line["http.response.duration"]), /^\d+\.\d{3}ms$/);
  assert.deepEqual(
    { ...line, "http.request.id": "", "http.request.remoteaddr": "", "http.response.duration": "" },
    {
      level: "info",
      msg: "response completed",
      gun: "g",
      "http.request.id": "",
      "http.request.host": `127.0.0.1:${server.port}`,
      "http.request.method": "GET",
      "http.request.uri": "/v2/g/_trust/tuf/root.json?x=1",
      "http.request.remoteaddr": "",
      "http.request.useragent": "tester/1",
      "http.response.status": 404,
      "http.response.written": 116,
      "http.response.duration": "",
    },
  );
  assert.doesNotMatch(JSON.stringify(server.log), /hunter2/);
});

test("failures are logged with their code, causes and hint; refusals only for those who look closely", async (t) => {
  const server = await ListeningServer.start(t);
  await server.request("POST", "/v2/g/_trust/tuf/");
  const refusal = server.log.find(({ msg }) => msg === "a request was refused");
  assert.equal(refusal?.["level"], "debug");
  await server.store.close();
  await server.request("GET", "/v2/g/_trust/tuf/root.json");
  const failure = server.log.find(({ msg }) => msg === "a request failed");
  assert.equal(failure?.["level"], "error");
  assert.equal((failure["err"] as { code: string }).code, "SERVER_STORE_CLOSED");
});

test("health answers 200 and an empty object, or 503 and what is wrong", async (t) => {
  const server = await ListeningServer.start(t);
  const healthy = await server.request("GET", "/_notary_server/health");
  assert.deepEqual([healthy.status, healthy.body], [200, "{}"]);
  assert.equal(healthy.headers["content-type"], "application/json; charset=utf-8");

  const signing = localSigning();
  const broken = await ListeningServer.start(t, {
    signing: {
      createKey: (...args) => signing.createKey(...args),
      getKey: (...args) => signing.getKey(...args),
      sign: (...args) => signing.sign(...args),
      deleteKey: (...args) => signing.deleteKey(...args),
      check: () => Promise.reject(new Error("token removed")),
      close: () => signing.close(),
    },
  });
  await broken.store.close();
  const unhealthy = await broken.request("GET", "/_notary_server/health");
  assert.equal(unhealthy.status, 503);
  assert.deepEqual(JSON.parse(unhealthy.body), {
    "DB operational": "the store is closed",
    "Trust operational": "token removed",
  });
});
