import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { sampleImage } from "../../test/support/sampleImage.ts";
import { startScriptedServer, type Script } from "../../test/support/scriptedServer.ts";
import { authorityCertificate, identity } from "../../test/support/tlsIdentity.ts";
import { RegistryClient } from "./registryClient.ts";

/** A name that only the proxy can find. */
const domain = "registry.example:5000";
const { root, blobs } = sampleImage();
const manifest = blobs.get(root.digest) ?? assert.fail();

interface Proxy {
  readonly url: string;
  /** What it was asked for: `CONNECT host:port`, or a method and a whole address, with its headers. */
  readonly asked: readonly (readonly [line: string, headers: IncomingMessage["headers"]])[];
}

/** A proxy that takes every host for one port of this machine, after a login if there has to be one. */
async function startProxy(t: TestContext, port: number, login?: string): Promise<Proxy> {
  const asked: [string, IncomingMessage["headers"]][] = [];
  const isLetIn = ({ headers }: IncomingMessage): boolean =>
    login === undefined || headers["proxy-authorization"] === `Basic ${Buffer.from(login).toString("base64")}`;
  const proxy = createServer((request, response) => {
    asked.push([`${request.method} ${request.url}`, request.headers]);
    const { pathname } = new URL(request.url ?? "");
    void fetch(`http://127.0.0.1:${port}${pathname}`, { method: request.method ?? "" }).then(async (answer) => {
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  proxy.on("connect", (request, socket) => {
    asked.push([`CONNECT ${request.url}`, request.headers]);
    if (!isLetIn(request)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const through = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      through.pipe(socket).pipe(through);
    });
    for (const end of [through, socket]) end.on("error", () => end.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

const script: Script = ({ line, headers }, response) => {
  if (line === "GET /v2/" && headers.authorization === undefined) {
    response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
  } else {
    response.writeHead(200, { "content-type": root.mediaType }).end(line === "GET /v2/" ? "{}" : manifest);
  }
};

function client(t: TestContext, environment: NodeJS.ProcessEnv, insecure = false): RegistryClient {
  const registry = new RegistryClient({
    domain,
    environment,
    insecure,
    ...(!insecure && { tls: { ca: [authorityCertificate] } }),
    credentials: async () => ({ username: "alice", password: "secret of the registry" }),
    retry: { attempts: 1 },
  });
  t.after(() => registry.close());
  return registry;
}

test("a registry is reached through the proxy of the environment, which sees nothing of what is said", async (t) => {
  const { port, requests } = await startScriptedServer(t, script, identity("registry.example"));
  const proxy = await startProxy(t, port, "user:pass of the proxy");
  const url = proxy.url.replace("//", "//user:pass%20of%20the%20proxy@");
  for (const environment of [{ HTTPS_PROXY: url }, { https_proxy: url, NO_PROXY: "other.example" }]) {
    const { descriptor } = await client(t, environment).getManifest("team/app", "1.0");
    assert.equal(descriptor.digest, root.digest);
  }
  assert.ok(proxy.asked.length >= 2);
  for (const [line, headers] of proxy.asked) {
    assert.equal(line, `CONNECT ${domain}`);
    assert.equal(headers.authorization, undefined);
  }
  assert.ok(requests.some(({ headers }) => headers.authorization !== undefined));
  assert.ok(requests.every(({ headers }) => headers["proxy-authorization"] === undefined));
});

test("a certificate that does not fit is refused through a proxy too", async (t) => {
  const { port, requests } = await startScriptedServer(t, script, identity("mallory.example"));
  const proxy = await startProxy(t, port);
  await assert.rejects(
    () => client(t, { HTTPS_PROXY: proxy.url }).getManifest("team/app", "1.0"),
    failsWith("TRANSPORT_TLS", /registry\.example/),
  );
  assert.deepEqual(requests, []);
});

test("without encryption, where that is allowed, the proxy is asked for the whole address", async (t) => {
  const { port } = await startScriptedServer(t, (_, response) => {
    response.writeHead(200, { "content-type": root.mediaType }).end(manifest);
  });
  const proxy = await startProxy(t, port);
  const { descriptor } = await client(t, { HTTP_PROXY: proxy.url }, true).getManifest("team/app", "1.0");
  assert.equal(descriptor.digest, root.digest);
  assert.equal(proxy.asked.at(-1)?.[0], `GET http://${domain}/v2/team/app/manifests/1.0`);
});

test("what needs no proxy goes to none", async (t) => {
  const proxy = await startProxy(t, 1);
  const environment = { HTTPS_PROXY: proxy.url, NO_PROXY: "registry.example" };
  await assert.rejects(() => client(t, environment).getManifest("team/app", "1.0"), failsWith("TRANSPORT_UNREACHABLE"));
  assert.deepEqual(proxy.asked, []);

  const { url } = await startScriptedServer(t, script);
  const local = new RegistryClient({
    domain: new URL(url).host,
    environment: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url },
  });
  t.after(() => local.close());
  await assert.rejects(() => local.getManifest("team/app", "1.0"), failsWith("TRANSPORT_NO_CREDENTIALS"));
  assert.deepEqual(proxy.asked, [], "this machine is reached directly");
});

test("a proxy that is not there, or lets nobody in, is told", async (t) => {
  const proxy = await startProxy(t, 1, "another:login");
  for (const [url, what] of [
    [proxy.url, /407|[Pp]roxy/],
    ["http://127.0.0.1:1", /127\.0\.0\.1:1|refused/],
  ] as const) {
    await assert.rejects(
      () => client(t, { HTTPS_PROXY: url }).getManifest("team/app", "1.0"),
      failsWith("TRANSPORT_UNREACHABLE", what),
    );
  }
});
