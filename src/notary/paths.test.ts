import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { clientFlow, edgeCases, type RecordedExchange } from "../../test/support/recordedExchange.ts";
import { NotaryError } from "./errors.ts";
import {
  changefeedPath,
  collectionPath,
  keyPath,
  matchTrustRoute,
  metadataName,
  metadataPath,
  routeFacts,
  type MetadataSelector,
  type TrustMatch,
  type TrustRoute,
} from "./paths.ts";

const sha256 = "a31cea5b7a989286e603d7d0bfc9f0262162dbe08b4490d5695abcbb71c76f61";
const route = (route: TrustRoute): TrustMatch => ({ kind: "route", route });
const notFound: TrustMatch = { kind: "notFound" };

/** What the original's answer says about how it understood the path. */
function recordedKind({ method, status, res_body }: RecordedExchange): TrustMatch["kind"] {
  if (status === 405) {
    return "methodNotAllowed";
  }
  if (status === 301) {
    return "redirect";
  }
  // The catch-all route answers without detail, the stores with one. HEAD has no body and never matches.
  return status === 404 && (method === "HEAD" || !res_body?.includes('"detail"')) ? "notFound" : "route";
}

for (const exchange of [...edgeCases(), ...clientFlow()]) {
  test(`${exchange.method} ${exchange.path} is understood as by the original`, () => {
    const match = matchTrustRoute(exchange.method, exchange.path);
    assert.equal(match.kind, recordedKind(exchange));
    if (match.kind === "redirect") {
      assert.equal(match.location, exchange.res_headers?.["Location"]);
    }
  });
}

const targets: readonly (readonly [method: string, target: string, match: TrustMatch])[] = [
  ["GET", "/v2/", route({ name: "ping" })],
  ["GET", "/v2/?x=1", route({ name: "ping" })],
  ["GET", "http://trust.example/v2/", route({ name: "ping" })],
  ["GET", "/_notary_server/health", route({ name: "health" })],
  ["GET", "/metrics", route({ name: "metrics" })],
  ["GET", "/v2/_trust/changefeed?records=1", route({ name: "changefeed", gun: undefined })],
  ["GET", "/v2/a/_trust/changefeed", route({ name: "changefeed", gun: "a" })],
  ["POST", "/v2/a/b/_trust/tuf/", route({ name: "update", gun: "a/b" })],
  ["DELETE", "/v2/a/b/_trust/tuf/", route({ name: "delete", gun: "a/b" })],
  ["GET", "/v2/h:5000/a/_trust/tuf/snapshot.key", route({ name: "getKey", gun: "h:5000/a", role: "snapshot" })],
  ["POST", "/v2/a/_trust/tuf/timestamp.key", route({ name: "rotateKey", gun: "a", role: "timestamp" })],
  ["GET", "/v2/a/_trust/tuf/root.json", route({ name: "current", gun: "a", role: "root" })],
  ["GET", "/v2/a/_trust/tuf/targets/x/y.json", route({ name: "current", gun: "a", role: "targets/x/y" })],
  ["GET", "/v2/a/_trust/tuf/targets/x%2Fy.json", route({ name: "current", gun: "a", role: "targets/x/y" })],
  ["GET", "/v2/a%2fb/_trust/tuf/root.json", route({ name: "current", gun: "a/b", role: "root" })],
  ["GET", "/v2/a%20b%C3%A9/_trust/tuf/root.json", route({ name: "current", gun: "a bé", role: "root" })],
  [
    "GET",
    `/v2/a/_trust/tuf/targets/x.${sha256}.json`,
    route({ name: "byChecksum", gun: "a", role: "targets/x", checksum: sha256 }),
  ],
  [
    "GET",
    `/v2/a/_trust/tuf/root.${sha256.toUpperCase()}.json`,
    route({ name: "byChecksum", gun: "a", role: "root", checksum: sha256.toUpperCase() }),
  ],
  // 63 digits are no checksum, and `root.<hex>` is no role.
  ["GET", `/v2/a/_trust/tuf/root.${sha256.slice(1)}.json`, notFound],
  // A delegation's name may hold dots in the path, so there 63 digits are part of the name.
  [
    "GET",
    `/v2/a/_trust/tuf/targets/x.${sha256.slice(1)}.json`,
    route({ name: "current", gun: "a", role: `targets/x.${sha256.slice(1)}` }),
  ],
  [
    "GET",
    "/v2/a/_trust/tuf/7.root.json",
    route({ name: "byVersion", gun: "a", role: "root", digits: "7", version: 7 }),
  ],
  [
    "GET",
    "/v2/a/_trust/tuf/0010.targets/x.json",
    route({ name: "byVersion", gun: "a", role: "targets/x", digits: "0010", version: 10 }),
  ],
  [
    "GET",
    "/v2/a/_trust/tuf/9223372036854775808.root.json",
    route({ name: "byVersion", gun: "a", role: "root", digits: "9223372036854775808", version: undefined }),
  ],
  // A GUN takes as much as it can.
  ["GET", "/v2/a/_trust/tuf/b/_trust/tuf/root.json", route({ name: "current", gun: "a/_trust/tuf/b", role: "root" })],
  [
    "GET",
    "/v2/a/_trust/tuf/targets/_trust/tuf/x.json",
    route({ name: "current", gun: "a", role: "targets/_trust/tuf/x" }),
  ],
  ["GET", "/v2/_trust/tuf/root.json", notFound],
  ["GET", "/v2/a*b/_trust/tuf/root.json", notFound],
  ["GET", "/v2/a%2Ab/_trust/tuf/root.json", notFound],
  ["GET", "/v2/a/_trust/tuf/targets/x y.json", notFound],
  ["GET", "/v2/a/_trust/tuf/Root.json", notFound],
  ["GET", "/v2/a/_trust/tuf/root.json.", notFound],
  ["GET", "/v2/a/_trust/tuf/-1.root.json", notFound],
  ["GET", "/v2/a/_trust/tuf/root.key", notFound],
  ["PUT", "/v2/a/_trust/tuf/", notFound],
  ["PATCH", "/nowhere", { kind: "methodNotAllowed" }],
  ["GET", "/v2/a/./b/_trust/tuf/root.json", { kind: "redirect", location: "/v2/a/b/_trust/tuf/root.json" }],
  ["GET", "/v2/a/%2e%2E/b?records=1", { kind: "redirect", location: "/v2/b?records=1" }],
  ["POST", "/v2/a%2F%2Fb%20%3F/_trust/tuf/", { kind: "redirect", location: "/v2/a/b%20%3F/_trust/tuf/" }],
  ["GET", "/v2//a'(b)!*;,:@&=+$", { kind: "redirect", location: "/v2/a%27%28b%29%21%2A;,:@&=+$" }],
  ["GET", "//evil.example/v2/", { kind: "redirect", location: "/evil.example/v2/" }],
  ["GET", "/../../etc/passwd", { kind: "redirect", location: "/etc/passwd" }],
  ["OPTIONS", "*", { kind: "redirect", location: "/%2A" }],
  ["GET", "/v2/%zz/_trust/tuf/root.json", { kind: "malformed" }],
  ["GET", "/v2/%ff/_trust/tuf/root.json", { kind: "malformed" }],
  ["GET", `/v2/${"a".repeat(5000)}/_trust/tuf/root.json`, notFound],
];

for (const [method, target, match] of targets) {
  test(`${method} ${target.slice(0, 80)} matches ${match.kind}`, () => {
    assert.deepEqual(matchTrustRoute(method, target), match);
  });
}

test("a path made to keep the matcher busy is answered", () => {
  const path = `/v2/a${"/_trust/tuf/targets/x.".repeat(180)}`;
  assert.deepEqual(matchTrustRoute("GET", path), notFound);
});

test("every route has the label and the access of the original", () => {
  assert.deepEqual(
    Object.fromEntries(
      Object.entries(routeFacts).map(([name, { operation, actions }]) => [name, [operation, ...actions]]),
    ),
    {
      ping: [undefined, "catalog"],
      update: ["UpdateTUF", "push", "pull"],
      byChecksum: ["GetRoleByHash", "pull"],
      byVersion: ["GetRoleByVersion", "pull"],
      current: ["GetRole", "pull"],
      getKey: ["GetKey", "push", "pull"],
      rotateKey: ["RotateKey", "*"],
      delete: ["DeleteTUF", "*"],
      changefeed: ["Changefeed", "pull"],
      health: [undefined],
      metrics: [undefined],
    },
  );
});

test("paths are built as the original client writes them", () => {
  const gun = "localhost:5000/team/app";
  const base = "/v2/localhost:5000/team/app/_trust";
  assert.equal(metadataPath(gun, "root"), `${base}/tuf/root.json`);
  assert.equal(metadataPath(gun, "root", { version: 6 }), `${base}/tuf/6.root.json`);
  assert.equal(
    metadataPath(gun, "targets/releases", { checksum: sha256 }),
    `${base}/tuf/targets/releases.${sha256}.json`,
  );
  assert.equal(keyPath(gun, "snapshot"), `${base}/tuf/snapshot.key`);
  assert.equal(collectionPath(gun), `${base}/tuf/`);
  assert.equal(changefeedPath(gun), `${base}/changefeed`);
  assert.equal(changefeedPath(), "/v2/_trust/changefeed");
  assert.equal(metadataName("targets/a", { checksum: sha256 }), `targets/a.${sha256}`);
});

for (const gun of ["", "/a", "a/", "a//b", "a/../b", "..", "a/.", "\ud800"]) {
  test(`no path is built for the name ${JSON.stringify(gun)}, which would lead elsewhere`, () => {
    assert.throws(
      () => metadataPath(gun, "root"),
      (error) => error instanceof NotaryError && error.code === "NOTARY_GUN",
    );
    assert.throws(() => keyPath("a", gun), { code: "NOTARY_GUN" });
  });
}

test("what a client builds, a server understands, also through a URL parser", () => {
  const segment = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter((text) => text !== "." && text !== ".." && !/[/*]/.test(text) && text !== "_trust");
  const gun = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("/"));
  const role = fc.constantFrom("root", "snapshot", "timestamp", "targets", "targets/a-b", "targets/a/b_1");
  const which = fc.option(
    fc.oneof(
      fc.integer({ min: 1, max: 2 ** 31 - 1 }).map((version): MetadataSelector => ({ version })),
      fc.constant<MetadataSelector>({ checksum: sha256 }),
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(gun, role, which, (gun, role, which) => {
      const url = new URL(`https://trust.example${metadataPath(gun, role, which)}`);
      assert.equal(url.search + url.hash, "");
      const match = matchTrustRoute("GET", url.pathname);
      assert.ok(match.kind === "route" && "role" in match.route);
      assert.equal(match.route.gun, gun);
      assert.equal(match.route.role, role);
    }),
  );
});
