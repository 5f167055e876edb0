import assert from "node:assert/strict";
import test from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { startScriptedRegistry } from "../../test/support/registryClient.ts";
import { sampleImage, sampleIndex } from "../../test/support/sampleImage.ts";
import { CountersignError } from "../tuf/error.ts";
import { digestOf } from "./digest.ts";
import { manifestLimit } from "./fetchedManifest.ts";
import { manifestTypes } from "./mediaType.ts";

const sample = sampleImage();
const { root } = sample;
const bytes = sample.blobs.get(root.digest) ?? Buffer.alloc(0);
const sha512 = digestOf(bytes, "sha512");
const index = sampleIndex([{ image: sample, platform: "linux/amd64" }]);
const indexBytes = index.blobs.get(index.root.digest) ?? Buffer.alloc(0);
const ambiguous = Buffer.from(bytes.toString().replace(/}$/, ',"manifests":[]}'));

interface Answer {
  readonly body: Buffer | string;
  readonly type?: string;
  readonly digest?: string;
}

const right: Answer = { body: bytes, type: root.mediaType, digest: root.digest };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** How a manifest is asked for, what comes, and what is made of it: its digest or the code of the refusal. */
const manifests: readonly (readonly [
  title: string,
  reference: string | typeof root,
  answer: Answer,
  outcome: { readonly digest: string } | { readonly code: string },
])[] = [
  ["by tag", "1", right, { digest: root.digest }],
  ["by digest", root.digest, right, { digest: root.digest }],
  ["by descriptor", root, right, { digest: root.digest }],
  ["by tag, without a digest in the answer", "1", { body: bytes, type: root.mediaType }, { digest: root.digest }],
  ["by tag, with a sha512 digest in the answer", "1", { ...right, digest: sha512 }, { digest: sha512 }],
  ["by sha512", sha512, { body: bytes, type: root.mediaType }, { digest: sha512 }],
  ["by tag, under a type that tells nothing", "1", { ...right, type: "application/json" }, { digest: root.digest }],
  ["by tag, under no type", "1", { body: bytes }, { digest: root.digest }],
  [
    "by tag, with parameters of the type",
    "1",
    { ...right, type: `${root.mediaType}; charset=utf-8` },
    { digest: root.digest },
  ],
  [
    "by digest, with other content",
    root.digest,
    { ...right, body: indexBytes, type: index.root.mediaType },
    { code: "OCI_DIGEST" },
  ],
  ["by tag, with another digest in the answer", "1", { ...right, digest: index.root.digest }, { code: "OCI_DIGEST" }],
  ["by descriptor, with other content", root, { ...right, body: indexBytes }, { code: "OCI_SIZE" }],
  ["by descriptor, of another size", { ...root, size: root.size + 1 }, right, { code: "OCI_SIZE" }],
  [
    "by descriptor, of another type",
    { ...root, mediaType: manifestTypes.dockerImage },
    right,
    { code: "OCI_MANIFEST" },
  ],
  ["sent as what it is not", "1", { ...right, type: manifestTypes.ociIndex }, { code: "OCI_MANIFEST" }],
  ["that is two documents in one", "1", { body: ambiguous, type: root.mediaType }, { code: "OCI_MANIFEST" }],
  ["of schema 1", "1", { body: '{"schemaVersion":1}' }, { code: "OCI_MANIFEST_TYPE" }],
  ["that is no JSON", "1", { body: "<html>", type: "text/html" }, { code: "OCI_MANIFEST" }],
  ["that is empty", "1", { body: "", type: root.mediaType }, { code: "OCI_MANIFEST" }],
  [
    "above the limit",
    "1",
    { body: Buffer.alloc(manifestLimit + 1, " "), type: root.mediaType },
    { code: "TRANSPORT_BAD_RESPONSE" },
  ],
];

for (const [title, reference, { body, type, digest }, outcome] of manifests) {
  test(`a manifest ${title}`, async (t) => {
    const { client } = await startScriptedRegistry(t, (_, response) => {
      if (type !== undefined) response.setHeader("content-type", type);
      if (digest !== undefined) response.setHeader("docker-content-digest", digest);
      response.end(body);
    });
    const fetching = client.getManifest("team/app", reference);
    if ("code" in outcome) {
      await assert.rejects(fetching, failsWith(outcome.code));
    } else {
      const fetched = await fetching;
      assert.equal(fetched.descriptor.digest, outcome.digest);
      assert.deepEqual(fetched.bytes, bytes);
    }
  });
}

test("a manifest without an end is let go of", async (t) => {
  let closed: () => void = () => {};
  const ended = new Promise<void>((resolve) => (closed = resolve));
  const { client } = await startScriptedRegistry(t, (_, response) => {
    const more = (): void =>
      void (response.destroyed || response.write(Buffer.alloc(65_536, " "), () => setImmediate(more)));
    response.on("close", closed);
    more();
  });
  await assert.rejects(() => client.getManifest("a", "1"), failsWith("TRANSPORT_BAD_RESPONSE"));
  await ended;
});

test("all four types are asked for", async (t) => {
  const { client, server } = await startScriptedRegistry(t, (_, response) => response.end(bytes));
  await client.getManifest("a", "1");
  for (const type of Object.values(manifestTypes)) {
    assert.ok(server.requests.at(-1)?.headers.accept?.includes(type));
  }
});

test("a tag is resolved with HEAD alone when the answer says enough, else by fetching", async (t) => {
  let headers: Record<string, string> = {
    "content-type": root.mediaType,
    "docker-content-digest": root.digest,
    "content-length": String(root.size),
  };
  let status = 200;
  const { client, lines } = await startScriptedRegistry(t, ({ line }, response) => {
    response.writeHead(line.startsWith("HEAD") ? status : 200, headers).end(line.startsWith("HEAD") ? "" : bytes);
  });
  const path = "/v2/a/manifests/1";
  assert.deepEqual(await client.resolve("a", "1"), root);
  assert.deepEqual(lines(), [`HEAD ${path}`]);
  headers = {};
  assert.deepEqual(await client.resolve("a", "1"), root);
  status = 405;
  assert.deepEqual(await client.resolve("a", "1"), root);
  assert.deepEqual(lines().slice(1), [`HEAD ${path}`, `GET ${path}`, `HEAD ${path}`, `GET ${path}`]);
  status = 404;
  await assert.rejects(() => client.resolve("a", "1"), failsWith("OCI_NOT_FOUND", /a:1: not found$/));
});

const envelope = (code: string, message?: string): string =>
  JSON.stringify({ errors: [{ code, message, detail: {} }] });
/** status and body → code and end of the message */
const failures: readonly (readonly [status: number, body: string, code: string, message: RegExp])[] = [
  [
    404,
    envelope("MANIFEST_UNKNOWN", "manifest unknown"),
    "OCI_NOT_FOUND",
    /:1: manifest unknown \(MANIFEST_UNKNOWN\)$/,
  ],
  [404, "<html>gone</html>", "OCI_NOT_FOUND", /: not found$/],
  [404, "", "OCI_NOT_FOUND", /: not found$/],
  [401, envelope("UNAUTHORIZED"), "OCI_UNAUTHORIZED", /: UNAUTHORIZED$/],
  [403, envelope("DENIED", "not signed by alice"), "OCI_DENIED", /: not signed by alice \(DENIED\)$/],
  [400, envelope("NAME_INVALID", "bad\u001b[31m name"), "OCI_REJECTED", /: bad\ufffd\[31m name \(NAME_INVALID\)$/],
  [413, "", "OCI_REJECTED", /: too large$/],
  [418, envelope("X", "a".repeat(100_000)), "OCI_REJECTED", /: status 418$/],
  [418, envelope("X", "a".repeat(1000)), "OCI_REJECTED", /: a{500} \(X\)$/],
  [501, '{"errors":"none"}', "OCI_REGISTRY", /: status 501$/],
  [302, "", "OCI_REGISTRY", /: status 302$/],
];

for (const [status, body, code, message] of failures) {
  test(`${status} ${body.slice(0, 40)} is told as ${code}`, async (t) => {
    const { client } = await startScriptedRegistry(t, (_, response) => response.writeHead(status).end(body));
    await assert.rejects(() => client.getManifest("a", "1"), failsWith(code, message));
  });
}

for (const [repository, reference] of [
  ["UPPER", "1"],
  ["../etc", "1"],
  ["a//b", "1"],
  ["a", "-x"],
  ["a", "a/b"],
  ["a", "sha256:0"],
] as const) {
  test(`${repository} and ${reference} are not put into an address`, async (t) => {
    const { client, lines } = await startScriptedRegistry(t, (_, response) => response.end());
    await assert.rejects(() => client.getManifest(repository, reference), failsWith("OCI_NAME"));
    assert.deepEqual(lines(), []);
  });
}

test("lists are read page by page, as the registry links them", async (t) => {
  const pages: Record<string, readonly [tags: unknown, link?: string]> = {
    "GET /v2/a/tags/list?n=1000": [["a", "b"], "</v2/a/tags/list?n=2&last=b>; rel=next"],
    "GET /v2/a/tags/list?n=2&last=b": [["c", 7, "not a tag"], '<list?last=c>; rel="next"'],
    "GET /v2/a/tags/list?last=c": [null],
  };
  const { client } = await startScriptedRegistry(t, ({ line }, response) => {
    const [tags, link] = pages[line] ?? assert.fail(line);
    if (link !== undefined) response.setHeader("link", link);
    response.end(JSON.stringify({ name: "a", tags }));
  });
  assert.deepEqual(await collect(client.tags("a")), ["a", "b", "c"]);
});

test("a list that leads back to itself, or never ends, is refused", async (t) => {
  let page = 0;
  let circle = true;
  const { client } = await startScriptedRegistry(t, (_, response) => {
    response
      .setHeader("link", `</v2/a/tags/list?last=${circle ? page++ % 2 : page++}>; rel="next"`)
      .end('{"tags":["a"]}');
  });
  await assert.rejects(() => collect(client.tags("a")), failsWith("OCI_TOO_LARGE"));
  assert.ok(page <= 4);
  circle = false;
  await assert.rejects(() => collect(client.tags("a")), failsWith("OCI_TOO_LARGE"));
  assert.ok(page <= 1010);
});

for (const body of ["", "[]", '{"tags":"a"}', "<html>"]) {
  test(`${JSON.stringify(body)} is no list of tags`, async (t) => {
    const { client } = await startScriptedRegistry(t, (_, response) => response.end(body));
    const listing = collect(client.tags("a"));
    await (body === "[]" ? assert.doesNotReject(listing) : assert.rejects(listing, failsWith("OCI_PROTOCOL")));
  });
}

test("the pages of another host are asked for without the login", async (t) => {
  const other = await startScriptedRegistry(t, (_, response) => response.end('{"tags":["b"]}'));
  const { client } = await startScriptedRegistry(
    t,
    ({ headers }, response) => {
      if (headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": "Basic" }).end();
      } else {
        response.setHeader("link", `<${other.server.url}/v2/a/tags/list>; rel="next"`).end('{"tags":["a"]}');
      }
    },
    { credentials: async () => ({ username: "alice", password: "secret" }) },
  );
  assert.deepEqual(await collect(client.tags("a")), ["a", "b"]);
  assert.equal(other.server.requests.at(-1)?.headers.authorization, undefined);
});

const referrer = { ...root, artifactType: "application/vnd.example.signature" };
const fallback = `/v2/a/manifests/${root.digest.replace(":", "-")}`;
const indexOf = (manifests: readonly object[]): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: manifestTypes.ociIndex, manifests });

test("referrers come from the registry's list, page by page, and are sifted here", async (t) => {
  const { client, lines } = await startScriptedRegistry(t, ({ line }, response) => {
    response.setHeader("content-type", manifestTypes.ociIndex);
    if (!line.includes("page")) response.setHeader("link", `</v2/a/referrers/${root.digest}?page=2>; rel="next"`);
    response.end(indexOf(line.includes("page") ? [{ ...index.root, artifactType: "other/type" }] : [referrer]));
  });
  assert.equal((await client.referrers("a", root.digest)).length, 2);
  assert.deepEqual(await client.referrers("a", root.digest, { artifactType: referrer.artifactType }), [referrer]);
  assert.ok(lines().every((line) => line.includes("/referrers/")));
});

const noApi: Readonly<Record<string, readonly [status: number, type: string]>> = {
  "404": [404, "application/json"],
  "another type": [200, "text/html"],
};

for (const [title, [status, type]] of Object.entries(noApi)) {
  test(`referrers come from the fallback tag where the registry answers ${title}`, async (t) => {
    const { client } = await startScriptedRegistry(t, ({ line }, response) => {
      const isApi = line.includes("/referrers/");
      response.writeHead(isApi ? status : 200, { "content-type": isApi ? type : manifestTypes.ociIndex });
      response.end(isApi ? "" : indexOf(line === `GET ${fallback}` ? [referrer] : []));
    });
    assert.deepEqual(await client.referrers("a", root.digest), [referrer]);
  });
}

test("a manifest with a subject is added to the fallback tag only where the registry does not say it keeps track", async (t) => {
  const subject = { mediaType: root.mediaType, digest: root.digest, size: root.size };
  const signature = sampleImage({ members: { subject, artifactType: "application/vnd.example.signature" } });
  const signatureBytes = signature.blobs.get(signature.root.digest) ?? Buffer.alloc(0);
  const put = { repository: "a", path: `PUT /v2/a/manifests/${signature.root.digest}` };
  for (const keepsTrack of [true, false]) {
    const { client, server, lines } = await startScriptedRegistry(t, ({ line }, response) => {
      if (line === put.path && keepsTrack) response.setHeader("oci-subject", root.digest);
      response.writeHead(line.startsWith("PUT") ? 201 : 404).end();
    });
    await client.putManifest("a", signature.root.digest, signatureBytes, signature.root.mediaType);
    assert.deepEqual(lines(), keepsTrack ? [put.path] : [put.path, `GET ${fallback}`, `PUT ${fallback}`]);
    if (!keepsTrack) {
      const list = JSON.parse(server.requests.at(-1)?.body ?? "") as {
        manifests: { digest: string; artifactType: string }[];
      };
      assert.deepEqual(
        list.manifests.map(({ digest, artifactType }) => [digest, artifactType]),
        [[signature.root.digest, "application/vnd.example.signature"]],
      );
    }
  }
});

test("a manifest that would be stored under another digest or type is not sent", async (t) => {
  const { client, lines } = await startScriptedRegistry(t, (_, response) => response.writeHead(201).end());
  await assert.rejects(
    () => client.putManifest("a", index.root.digest, bytes, root.mediaType),
    failsWith("OCI_DIGEST"),
  );
  await assert.rejects(() => client.putManifest("a", "1", bytes, index.root.mediaType), failsWith("OCI_MANIFEST"));
  assert.deepEqual(lines(), []);
});

test("who gives up is told so, and not asked again", async (t) => {
  const controller = new AbortController();
  const { client, lines } = await startScriptedRegistry(t, () => controller.abort());
  await assert.rejects(
    () => client.getManifest("a", "1", { signal: controller.signal }),
    (error) => error instanceof CountersignError && error.message === "context canceled",
  );
  assert.equal(lines().length, 1);
});
