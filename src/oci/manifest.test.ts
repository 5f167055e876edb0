import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { artifactTypeOf, inferMediaType, parseManifest, referencesOf } from "./manifest.ts";
import { bareMediaType, manifestTypes, schema1Types } from "./mediaType.ts";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const descriptor = (letter: string, mediaType = "application/vnd.oci.image.layer.v1.tar+gzip") => ({
  mediaType,
  digest: digest(letter),
  size: 7,
});
const config = descriptor("c", "application/vnd.oci.image.config.v1+json");
const image = { schemaVersion: 2, mediaType: manifestTypes.ociImage, config, layers: [descriptor("a")] };
const index = { schemaVersion: 2, manifests: [descriptor("d", manifestTypes.ociImage)] };

function bytes(value: unknown): Buffer {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}

test("an image names its config and layers, an index its children", () => {
  const parsed = parseManifest(bytes(image));
  assert.equal(parsed.kind, "image");
  assert.deepEqual(referencesOf(parsed), [
    { digest: digest("c"), kind: "blob" },
    { digest: digest("a"), kind: "blob" },
  ]);
  assert.deepEqual(referencesOf(parseManifest(bytes(index), manifestTypes.dockerList)), [
    { digest: digest("d"), kind: "manifest" },
  ]);
});

test("what a registry may lack is not a reference", () => {
  const layers = [
    descriptor("1"),
    descriptor("1"),
    descriptor("2", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
    descriptor("3", "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"),
    { ...descriptor("4"), urls: ["https://elsewhere.example/4"] },
    { ...descriptor("5"), urls: [] },
  ];
  const manifest = parseManifest(bytes({ ...image, layers, subject: descriptor("e", manifestTypes.ociImage) }));
  assert.deepEqual(
    referencesOf(manifest).map((reference) => reference.digest),
    [digest("c"), digest("1"), digest("5")],
  );
  assert.equal(manifest.subject?.digest, digest("e"));
});

test("an index may list blobs, as build caches do, and other indexes", () => {
  const manifests = [descriptor("1"), descriptor("2", manifestTypes.ociIndex), descriptor("2", "text/plain")];
  assert.deepEqual(referencesOf(parseManifest(bytes({ ...index, manifests }))), [
    { digest: digest("1"), kind: "blob" },
    { digest: digest("2"), kind: "manifest" },
    { digest: digest("2"), kind: "blob" },
  ]);
});

test("the type comes from the sender, else from the document, else from its shape", () => {
  const { mediaType: _, ...untyped } = image;
  assert.equal(parseManifest(bytes(untyped), manifestTypes.dockerImage).mediaType, manifestTypes.dockerImage);
  assert.equal(
    parseManifest(bytes({ ...untyped, mediaType: manifestTypes.dockerImage })).mediaType,
    manifestTypes.dockerImage,
  );
  assert.equal(parseManifest(bytes(untyped)).mediaType, manifestTypes.ociImage);
  assert.equal(parseManifest(bytes(index)).mediaType, manifestTypes.ociIndex);
  assert.equal(bareMediaType(`${manifestTypes.ociIndex.toUpperCase()} ; charset=utf-8`), manifestTypes.ociIndex);
});

test("unknown members, types and empty lists pass", () => {
  const odd = {
    ...image,
    config: { ...config, mediaType: "application/x-anything", Sizes: 1 },
    layers: [],
    future: { Size: 1.5e3, size: -1, nested: [[{ a: null }]] },
    annotations: { Size: "x", size: "y", MEDIATYPE: "z" },
  };
  assert.equal(parseManifest(bytes(odd)).kind, "image");
  assert.deepEqual(referencesOf(parseManifest(bytes({ ...index, manifests: [] }))), []);
  const nulls = { manifests: null, annotations: null, subject: null };
  const written = parseManifest(bytes({ ...index, ...nulls }), manifestTypes.ociIndex);
  assert.deepEqual(referencesOf(written), [], "null is how Go writes an empty list");
});

test("what two programs could read differently is refused", () => {
  const text = JSON.stringify(image);
  const refused: Readonly<Record<string, readonly [string, RegExp]>> = {
    "an index that is an image too": [JSON.stringify({ ...index, config, layers: [] }), /config does not belong/],
    "an image that is an index too": [JSON.stringify({ ...image, manifests: [] }), /manifests does not belong/],
    "schema 1 beside schema 2": [JSON.stringify({ ...image, fsLayers: [] }), /fsLayers does not belong/],
    "another type inside than outside": [
      JSON.stringify({ ...image, mediaType: manifestTypes.dockerImage }),
      /mediaType is .*docker.*, but the manifest was sent as .*oci/,
    ],
    "a member twice": [text.replace('"layers":', '"layers":[],"layers":'), /"layers" is there twice/],
    "a member twice, once escaped": [
      text.replace('"layers":', '"l\\u0061yers":[],"layers":'),
      /"layers" is there twice/,
    ],
    "a digest twice in a layer": [
      text.replace('"digest":', `"digest":"${digest("9")}","digest":`),
      /"digest" is there/,
    ],
    "a member in another case": [JSON.stringify({ ...image, Layers: [] }), /"Layers" that can be taken for "layers"/],
    "a member of a layer in another case": [
      JSON.stringify({ ...image, layers: [{ ...descriptor("a"), Digest: digest("9") }] }),
      /layers\[0\] has a member "Digest"/,
    ],
  };
  for (const [name, [document, message]] of Object.entries(refused)) {
    const declared = name.startsWith("an index") ? manifestTypes.ociIndex : manifestTypes.ociImage;
    assert.throws(() => parseManifest(bytes(document), declared), failsWith("OCI_MANIFEST", message), name);
  }
});

test("what is no manifest is refused and named", () => {
  const refused: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    "not JSON": ["{", /not JSON/],
    empty: ["", /not JSON/],
    "a byte order mark": [`\ufeff${JSON.stringify(image)}`, /not JSON/],
    "an array": ["[]", /must be a JSON object/],
    null: ["null", /must be a JSON object/],
    "no schema version": [{ ...image, schemaVersion: undefined }, /schemaVersion must be 2/],
    "schema version as text": [{ ...image, schemaVersion: "2" }, /schemaVersion must be 2/],
    "no config": [{ ...image, config: undefined }, /config must be an object/],
    "no layers": [{ ...image, layers: undefined }, /layers must be a list/],
    "layers that are an object": [{ ...image, layers: {} }, /layers must be a list/],
    "a layer that is null": [{ ...image, layers: [null] }, /layers\[0\] must be an object/],
    "a digest in capitals": [
      { ...image, config: { ...config, digest: digest("A") } },
      /config\.digest must be a digest/,
    ],
    "a short digest": [{ ...image, config: { ...config, digest: "sha256:00" } }, /config\.digest/],
    "a digest that is a path": [{ ...image, config: { ...config, digest: "sha256:../../etc" } }, /config\.digest/],
    "a negative size": [{ ...image, config: { ...config, size: -1 } }, /config\.size/],
    "a fraction of a byte": [{ ...image, config: { ...config, size: 1.5 } }, /config\.size/],
    "a size as text": [{ ...image, config: { ...config, size: "7" } }, /config\.size/],
    "a layer without a type": [{ ...image, layers: [{ ...descriptor("a"), mediaType: "" }] }, /layers\[0\]\.mediaType/],
    "an annotation that is a number": [{ ...image, annotations: { a: 1 } }, /annotations must be an object of texts/],
    "a subject without a digest": [{ ...image, subject: { ...config, digest: undefined } }, /subject\.digest/],
    "an artifact type that is a number": [{ ...image, artifactType: 1 }, /artifactType must be a text/],
    "urls that are one text": [{ ...image, layers: [{ ...descriptor("a"), urls: "x" }] }, /layers\[0\]\.urls/],
  };
  for (const [name, [document, message]] of Object.entries(refused)) {
    const parse = (): unknown => parseManifest(bytes(document), manifestTypes.ociImage);
    assert.throws(parse, failsWith("OCI_MANIFEST", message), name);
  }
  assert.throws(() => parseManifest(Buffer.from([0x22, 0xff, 0x22])), failsWith("OCI_MANIFEST", /UTF-8/));
});

test("only four media types are manifests", () => {
  for (const type of ["application/json", "text/plain", schema1Types.signed, schema1Types.unsigned, ""]) {
    assert.throws(() => parseManifest(bytes({ ...image, mediaType: undefined }), type), failsWith("OCI_MANIFEST_TYPE"));
  }
  assert.throws(() => parseManifest(bytes({ schemaVersion: 1 })), failsWith("OCI_MANIFEST_TYPE"));
  assert.throws(() => parseManifest(bytes({})), failsWith("OCI_MANIFEST_TYPE", /no media type/));
});

test("an artifact is listed under its own type, else under its config's", () => {
  assert.equal(artifactTypeOf(parseManifest(bytes({ ...image, artifactType: "a/b" }))), "a/b");
  assert.equal(artifactTypeOf(parseManifest(bytes({ ...image, artifactType: "" }))), config.mediaType);
  assert.equal(artifactTypeOf(parseManifest(bytes(index))), undefined);
});

test("the type of stored bytes is found without judging them", () => {
  const { mediaType: _, ...untyped } = image;
  const found: readonly (readonly [unknown, string | undefined])[] = [
    [image, manifestTypes.ociImage],
    [untyped, manifestTypes.ociImage],
    [index, manifestTypes.ociIndex],
    [{ ...untyped, mediaType: manifestTypes.dockerImage, manifests: [] }, manifestTypes.dockerImage],
    [{ schemaVersion: 1, signatures: [{}] }, schema1Types.signed],
    [{ schemaVersion: 1 }, schema1Types.unsigned],
    [{}, undefined],
    ["plain text", undefined],
    ["[1]", undefined],
    [{ mediaType: 1 }, undefined],
  ];
  for (const [document, type] of found) {
    assert.equal(inferMediaType(bytes(document)), type, JSON.stringify(document));
  }
});
