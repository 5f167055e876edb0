import assert from "node:assert/strict";
import test from "node:test";
import { nextPage } from "./pageLink.ts";

const headers: readonly (readonly [header: string | string[] | undefined, next: string | undefined])[] = [
  ['</v2/a/tags/list?n=2&last=b>; rel="next"', "/v2/a/tags/list?n=2&last=b"],
  ["</x>; rel=next", "/x"],
  ['</x>;title="a, b";rel="prev next"', "/x"],
  ['</p>; rel="prev", </n>; rel="next"', "/n"],
  [['</p>; rel="prev"', '</n>; rel="next"'], "/n"],
  ['<https://other.example/y,z>; REL="NEXT"', "https://other.example/y,z"],
  ['</x>; rel="nextish"', undefined],
  ['</x>; norel="next"', undefined],
  ["nonsense", undefined],
  ["", undefined],
  [undefined, undefined],
];

for (const [header, next] of headers) {
  test(`Link: ${JSON.stringify(header)} leads to ${next ?? "no further page"}`, () =>
    assert.equal(nextPage(header), next));
}
