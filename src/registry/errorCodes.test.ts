import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { imageOf, ListeningRegistry, refusalOf, type ListeningRegistryOptions } from "../../test/support/registry.ts";
import type { RawAnswer } from "../../test/support/wireRequest.ts";
import { manifestTypes } from "../oci/mediaType.ts";
import { registryErrorCodes } from "./errorCodes.ts";
import { registryErrors, RegistryError, type RegistryCode } from "./errors.ts";
import type { RegistryStore } from "./store.ts";

const absent = `sha256:${"0".repeat(64)}`;

interface Case {
  readonly options?: ListeningRegistryOptions;
  readonly status: number;
  readonly code: string;
  readonly ask: (registry: ListeningRegistry) => Promise<RawAnswer>;
}

function get(path: string, status: number, code: string, options: ListeningRegistryOptions = {}): Case {
  return { options, status, code, ask: (registry) => registry.get(path) };
}

async function begin(registry: ListeningRegistry): Promise<string> {
  return (await registry.request("POST", "/v2/a/blobs/uploads/")).headers.location ?? "";
}

function patch(contentRange: string, status: number, code: string): Case {
  return {
    status,
    code,
    ask: async (registry) =>
      registry.request("PATCH", await begin(registry), {
        body: "0123456789",
        headers: { "Content-Range": contentRange },
      }),
  };
}

function put(document: unknown, status: number, code: string, options: ListeningRegistryOptions = {}): Case {
  return {
    options,
    status,
    code,
    ask: (registry) =>
      registry.request("PUT", "/v2/a/manifests/x", {
        body: JSON.stringify(document),
        headers: { "Content-Type": manifestTypes.ociImage },
      }),
  };
}

/** A store that can do nothing but fail like this. */
function failing(code: RegistryCode): ListeningRegistryOptions {
  const fail = async (): Promise<never> => {
    throw new RegistryError(code, "secret-path");
  };
  const store = new Proxy({} as RegistryStore, {
    get: (_target, name) => (name === "close" ? async () => {} : name === "cachedManifest" ? () => undefined : fail),
  });
  return { store };
}

const unsignedOnly: ListeningRegistryOptions = {
  signed: {
    covers: () => true,
    check: async (_repository, _digest, tag) => {
      if (tag === "undecided") throw new Error("secret-path");
      return { signed: false, reason: "nobody signed it" };
    },
    signedDigests: async () => [],
  },
};

function signedOnly(tag: string, status: number, code: string): Case {
  return {
    options: unsignedOnly,
    status,
    code,
    ask: async (registry) => {
      await registry.pushBlob("a", "{}");
      await registry.pushManifest("a", imageOf("{}", []), tag);
      return registry.get(`/v2/a/manifests/${tag}`);
    },
  };
}

/** Every code of the catalogue that a request can meet, and how it is answered. */
const cases: Partial<Record<RegistryCode, Case>> = {
  REGISTRY_NAME_INVALID: get("/v2/A/tags/list", 400, "NAME_INVALID"),
  REGISTRY_NAME_UNKNOWN: get("/v2/a/tags/list", 404, "NAME_UNKNOWN"),
  REGISTRY_TAG_INVALID: {
    status: 400,
    code: "TAG_INVALID",
    ask: (registry) => registry.request("PUT", "/v2/a/manifests/.x"),
  },
  REGISTRY_DIGEST_INVALID: get("/v2/a/blobs/sha256:x", 400, "DIGEST_INVALID"),
  REGISTRY_DIGEST_MISMATCH: {
    status: 400,
    code: "DIGEST_INVALID",
    ask: (registry) => registry.request("POST", `/v2/a/blobs/uploads/?digest=${absent}`, { body: "x" }),
  },
  REGISTRY_SIZE_INVALID: patch("0-10", 400, "SIZE_INVALID"),
  REGISTRY_BLOB_UNKNOWN: get(`/v2/a/blobs/${absent}`, 404, "BLOB_UNKNOWN"),
  REGISTRY_BLOB_RANGE: {
    status: 416,
    code: "RANGE_INVALID",
    ask: async (registry) => registry.get(`/v2/a/blobs/${await registry.pushBlob("a", "x")}`, { Range: "bytes=1-" }),
  },
  REGISTRY_UPLOAD_UNKNOWN: get("/v2/a/blobs/uploads/x", 404, "BLOB_UPLOAD_UNKNOWN"),
  REGISTRY_UPLOAD_INVALID: patch("x", 400, "BLOB_UPLOAD_INVALID"),
  REGISTRY_UPLOAD_RANGE: patch("1-10", 416, "RANGE_INVALID"),
  REGISTRY_UPLOAD_BUSY: {
    options: failing("REGISTRY_UPLOAD_BUSY"),
    status: 409,
    code: "BLOB_UPLOAD_INVALID",
    ask: (registry) => registry.request("PATCH", "/v2/a/blobs/uploads/x", { body: "x" }),
  },
  REGISTRY_UPLOAD_CUT: {
    options: { config: { bodyIdleSeconds: 0.05 } },
    status: 408,
    code: "BLOB_UPLOAD_INVALID",
    ask: async (registry) => {
      const socket = connect(registry.port, "127.0.0.1");
      socket.write(`PATCH ${await begin(registry)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234`);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      for (; !text.includes("}]}");) await once(socket, "data");
      socket.destroy();
      const [head = "", body = ""] = text.split("\r\n\r\n");
      return { status: Number(head.split(" ")[1]), bytes: Buffer.from(body), headers: {}, rawHeaders: [] };
    },
  },
  REGISTRY_TOO_MANY_UPLOADS: {
    options: { storeOptions: { maxUploads: 1 } },
    status: 429,
    code: "TOOMANYREQUESTS",
    ask: async (registry) => {
      await begin(registry);
      return registry.request("POST", "/v2/a/blobs/uploads/");
    },
  },
  REGISTRY_MANIFEST_UNKNOWN: {
    status: 404,
    code: "MANIFEST_UNKNOWN",
    ask: async (registry) => {
      await registry.pushBlob("a", "{}");
      return registry.get("/v2/a/manifests/x");
    },
  },
  REGISTRY_MANIFEST_INVALID: put({}, 400, "MANIFEST_INVALID"),
  REGISTRY_MANIFEST_TOO_LARGE: put("x".repeat(5_000_000), 413, "MANIFEST_INVALID"),
  REGISTRY_MANIFEST_BLOB_UNKNOWN: put(imageOf("{}", []), 400, "MANIFEST_BLOB_UNKNOWN"),
  REGISTRY_BUSY: {
    options: { config: { manifestBudgetBytes: 0 } },
    status: 429,
    code: "TOOMANYREQUESTS",
    ask: async (registry) => {
      // One manifest on its way holds nearly all of the budget.
      const socket = connect(registry.port, "127.0.0.1");
      const size = 4 * 1024 ** 2;
      socket.write(`PUT /v2/a/manifests/x HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
      await new Promise<void>((resolve) => void socket.write(Buffer.alloc(size - 1), () => resolve()));
      for (;;) {
        const answer = await registry.request("PUT", "/v2/a/manifests/x", { body: Buffer.alloc(100_000) });
        if (answer.status === 429) {
          socket.destroy();
          return answer;
        }
      }
    },
  },
  REGISTRY_PAGE_INVALID: get("/v2/_catalog?n=x", 400, "PAGINATION_NUMBER_INVALID"),
  REGISTRY_QUERY_INVALID: {
    status: 400,
    code: "UNSUPPORTED",
    ask: (registry) => registry.request("PUT", "/v2/a/manifests/x?tag=y"),
  },
  REGISTRY_PATH_UNKNOWN: get("/v2/x", 404, "UNSUPPORTED"),
  REGISTRY_METHOD: { status: 405, code: "UNSUPPORTED", ask: (registry) => registry.request("PUT", "/v2/") },
  REGISTRY_DELETION_DISABLED: {
    options: { config: { deletion: false } },
    status: 405,
    code: "UNSUPPORTED",
    ask: (registry) => registry.request("DELETE", "/v2/a/manifests/x"),
  },
  REGISTRY_UNAUTHORIZED: get("/v2/", 401, "UNAUTHORIZED", {
    access: { authorize: async () => ({ allowed: false, challenge: "Basic" }) },
  }),
  REGISTRY_UNSIGNED: signedOnly("unsigned", 403, "DENIED"),
  REGISTRY_TRUST_UNAVAILABLE: signedOnly("undecided", 503, "UNAVAILABLE"),
  REGISTRY_STORE_CLOSED: get("/v2/_catalog", 503, "UNAVAILABLE", failing("REGISTRY_STORE_CLOSED")),
  REGISTRY_STORE_READ: get("/v2/_catalog", 500, "UNKNOWN", failing("REGISTRY_STORE_READ")),
  REGISTRY_STORE_WRITE: get("/v2/_catalog", 500, "UNKNOWN", failing("REGISTRY_STORE_WRITE")),
  REGISTRY_STORE_FULL: get("/v2/_catalog", 503, "UNAVAILABLE", failing("REGISTRY_STORE_FULL")),
  REGISTRY_STORE_CORRUPT: get("/v2/_catalog", 500, "UNKNOWN", failing("REGISTRY_STORE_CORRUPT")),
};

/** What happens before anybody can ask. */
const atStart: readonly RegistryCode[] = ["REGISTRY_CONFIG", "REGISTRY_STORE_OPEN"];

for (const [name, { options, status, code, ask }] of Object.entries(cases)) {
  test(`${name} is answered ${status} ${code}`, async (t) => {
    const registry = await ListeningRegistry.start(t, options);
    const answer = await ask(registry);
    assert.deepEqual(refusalOf(answer), { status, codes: [code] });
    if (status >= 500) assert.doesNotMatch(answer.bytes.toString(), /secret-path/);
    const logged = registry.log.map(({ err }) => (err as { code?: string } | undefined)?.code);
    // A body over the budget or the limit is the plumbing's to find.
    const plumbing = { REGISTRY_BUSY: "HTTP_BODY_BUDGET", REGISTRY_MANIFEST_TOO_LARGE: "HTTP_BODY_TOO_LARGE" };
    assert.ok(logged.includes(plumbing[name as keyof typeof plumbing] ?? name), logged.join(" "));
  });
}

test("every code of the catalogue is answered above or happens before anybody can ask", () => {
  assert.deepEqual([...Object.keys(cases), ...atStart].toSorted(), Object.keys(registryErrors).toSorted());
});

test("every code of the specification is used", () => {
  const used = new Set(Object.values(registryErrors).map(({ answer }) => answer));
  assert.deepEqual(
    Object.keys(registryErrorCodes).filter(
      (code) => !used.has(code as (typeof registryErrors)["REGISTRY_BUSY"]["answer"]),
    ),
    [],
  );
});
