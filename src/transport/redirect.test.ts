import assert from "node:assert/strict";
import test from "node:test";
import { headersAfterRedirect, redirectTarget } from "./redirect.ts";

const targets: readonly (readonly [
  status: number,
  location: string | undefined,
  from: string,
  to: string | undefined,
])[] = [
  [302, "/b", "https://a.example/x", "https://a.example/b"],
  [307, "https://b.example/", "https://a.example/", "https://b.example/"],
  [301, "https://a.example/", "http://a.example/", "https://a.example/"],
  [308, "http://b.example/", "http://a.example/", "http://b.example/"],
  [302, "http://a.example/", "https://a.example/", undefined],
  [302, "file:///etc/passwd", "http://a.example/", undefined],
  [302, "http://[", "http://a.example/", undefined],
  [302, undefined, "http://a.example/", undefined],
  [300, "/b", "http://a.example/", undefined],
  [200, "/b", "http://a.example/", undefined],
];

for (const [status, location, from, to] of targets) {
  test(`${status} from ${from} to ${location} leads to ${to}`, () => {
    const headers = location === undefined ? {} : { location };
    assert.equal(redirectTarget({ status, headers }, new URL(from))?.href, to);
  });
}

test("only the same scheme, host and port get the credentials", () => {
  const headers = { Authorization: "Basic x", accept: "y" };
  const kept = (to: string): string[] =>
    Object.keys(headersAfterRedirect(headers, new URL("https://a.example/"), new URL(to)));
  assert.deepEqual(kept("https://a.example/other"), ["Authorization", "accept"]);
  assert.deepEqual(kept("https://a.example:8443/"), ["accept"]);
  assert.deepEqual(kept("https://b.a.example/"), ["accept"]);
});
