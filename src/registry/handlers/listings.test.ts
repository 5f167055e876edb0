import assert from "node:assert/strict";
import { test } from "node:test";
import { imageOf, ListeningRegistry, refusalOf } from "../../../test/support/registry.ts";

const config = "{}";

async function registryWithTags(t: Parameters<typeof ListeningRegistry.start>[0], tags: readonly string[]) {
  const registry = await ListeningRegistry.start(t);
  await registry.pushBlob("a/b", config);
  for (const tag of tags) await registry.pushManifest("a/b", imageOf(config, []), tag);
  return registry;
}

interface Page {
  readonly names: readonly string[];
  readonly link: string | undefined;
}

async function page(registry: ListeningRegistry, path: string): Promise<Page> {
  const answer = await registry.get(path);
  assert.equal(answer.status, 200, answer.bytes.toString());
  assert.equal(answer.headers["content-type"], "application/json");
  const body = JSON.parse(answer.bytes.toString()) as { tags?: string[]; repositories?: string[] };
  return { names: body.tags ?? body.repositories ?? assert.fail("no list"), link: answer.headers.link?.toString() };
}

/** Follows links from page to page. */
async function pages(registry: ListeningRegistry, path: string): Promise<readonly (readonly string[])[]> {
  const found: (readonly string[])[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const { names, link } = await page(registry, next);
    found.push(names);
    next = /^<([^>]+)>; rel="next"$/.exec(link ?? "")?.[1];
    assert.equal(next === undefined, link === undefined, link);
  }
  return found;
}

test("tags come in byte order, all of them or page by page", async (t) => {
  const registry = await registryWithTags(t, ["b", "a", "B", "_", "1.10", "1.9", "a-1"]);
  const sorted = ["1.10", "1.9", "B", "_", "a", "a-1", "b"];
  const list = "/v2/a/b/tags/list";
  assert.deepEqual(JSON.parse((await registry.get(list)).bytes.toString()), { name: "a/b", tags: sorted });
  assert.deepEqual(await pages(registry, `${list}?n=3`), [sorted.slice(0, 3), sorted.slice(3, 6), sorted.slice(6)]);
  assert.deepEqual(await pages(registry, `${list}?n=7`), [sorted], "no link after the last one");
  assert.deepEqual(await pages(registry, `${list}?n=1000`), [sorted]);
  assert.deepEqual(await pages(registry, `${list}?last=B`), [sorted.slice(3)]);
  assert.deepEqual(
    await pages(registry, `${list}?last=C&n=2`),
    [
      ["_", "a"],
      ["a-1", "b"],
    ],
    "C need not be there",
  );
  assert.deepEqual(await pages(registry, `${list}?last=z`), [[]]);
  assert.deepEqual(await page(registry, `${list}?n=0`), { names: [], link: undefined });
  assert.deepEqual(await pages(registry, `${list}?n=`), [sorted]);
});

test("a number of entries that is none is refused", async (t) => {
  const registry = await registryWithTags(t, ["a"]);
  for (const path of ["/v2/a/b/tags/list", "/v2/_catalog"]) {
    for (const n of ["-1", "x", "1.5", "1e3", "0x10", "%00", " 1"]) {
      const answer = await registry.get(`${path}?n=${n.replace(" ", "%20")}`);
      assert.deepEqual(refusalOf(answer), { status: 400, codes: ["PAGINATION_NUMBER_INVALID"] }, n);
    }
  }
});

test("a repository without tags has an empty list, one that is unknown has none", async (t) => {
  const registry = await ListeningRegistry.start(t);
  await registry.pushBlob("a/b", config);
  await registry.pushManifest("a/b", imageOf(config, []));
  assert.deepEqual(await page(registry, "/v2/a/b/tags/list"), { names: [], link: undefined });
  const unknown = await registry.get("/v2/a/tags/list");
  assert.deepEqual(refusalOf(unknown), { status: 404, codes: ["NAME_UNKNOWN"] });
});

test("the catalog lists repositories, page by page", async (t) => {
  const registry = await ListeningRegistry.start(t);
  assert.deepEqual(await page(registry, "/v2/_catalog"), { names: [], link: undefined });
  for (const repository of ["b", "a/b", "a", "a/b/c", "a-b"]) await registry.pushBlob(repository, config);
  const [all = []] = await pages(registry, "/v2/_catalog");
  assert.deepEqual(new Set(all), new Set(["a", "a/b", "a/b/c", "a-b", "b"]));
  assert.deepEqual(await pages(registry, "/v2/_catalog?n=2"), [all.slice(0, 2), all.slice(2, 4), all.slice(4)]);
  assert.deepEqual(await page(registry, "/v2/_catalog?n=0"), { names: [], link: undefined });
});
