import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { recordedUploads, edgeCases, type RecordedExchange } from "../../test/support/recordedExchange.ts";
import { readVector } from "../../test/support/vectors.ts";
import { ProtocolError, type ServerErrorCode } from "./errorCodes.ts";
import { decodeUpload, encodeUpload, type UploadLimits, type UploadPart } from "./upload.ts";

const form = "multipart/form-data; boundary=xx";

function texts(parts: Iterable<UploadPart>): Record<string, string> {
  return Object.fromEntries([...parts].map(({ role, bytes }) => [role, Buffer.from(bytes).toString()]));
}

/** Everything up to the failure: roles read before it, then the code. */
function outcome(contentType: string | undefined, body: string, limits?: Partial<UploadLimits>): string[] {
  const seen: string[] = [];
  try {
    for (const { role, bytes } of decodeUpload(contentType, Buffer.from(body, "latin1"), limits)) {
      seen.push(`${role}=${Buffer.from(bytes).toString("latin1")}`);
    }
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    seen.push(error.detail === undefined ? error.answer : `${error.answer} ${JSON.stringify(error.detail)}`);
  }
  return seen;
}

const part = (disposition: string, content: string): string =>
  `--xx\r\nContent-Disposition: ${disposition}\r\n\r\n${content}\r\n`;
const named = (role: string, content: string): string => part(`form-data; name="files"; filename="${role}"`, content);

test("an upload of the original client is read, and its files are views into the body", () => {
  const body = readVector("client/wire/publish-body.bin");
  const contentType = /Content-Type: (.*)/.exec(readVector("client/wire/publish-headers.txt").toString())?.[1];
  const parts = [...decodeUpload(contentType, body)];
  assert.deepEqual(
    parts.map(({ role, bytes }) => [role, bytes.byteLength, bytes.buffer === body.buffer]),
    [
      ["root", 3270, true],
      ["targets", 2392, true],
    ],
  );
  for (const { bytes } of parts) {
    assert.equal(JSON.parse(Buffer.from(bytes).toString()).signatures.length, 1);
  }
});

test("an upload is written byte for byte as by the original client", () => {
  const original = readVector("client/wire/publish-body.bin");
  const boundary = "dbefd224216104c9353846dfa7fb70fe7ff47c77b55a537b866cc750c7ef";
  const { contentType, chunks, length } = encodeUpload(
    decodeUpload(`multipart/form-data; boundary=${boundary}`, original),
  );
  const ours = Buffer.concat(chunks);
  const ourBoundary = /^multipart\/form-data; boundary=([0-9a-f]{60})$/.exec(contentType)?.[1] ?? "";
  assert.equal(ours.toString().replaceAll(ourBoundary, boundary), original.toString());
  assert.equal(length, original.byteLength);
});

test("encoding copies no file, and no two uploads share a boundary", () => {
  const bytes = Buffer.from("{}");
  assert.ok(encodeUpload([{ role: "root", bytes }]).chunks.includes(bytes));
  assert.notEqual(encodeUpload([]).contentType, encodeUpload([]).contentType);
});

test("no role name can break out of its header", () => {
  const { contentType, chunks } = encodeUpload([{ role: 'root"\r\nX: \\', bytes: Buffer.from("{}") }]);
  assert.deepEqual(outcome(contentType, Buffer.concat(chunks).toString("latin1")), [
    `INVALID_ROLE ${JSON.stringify('root"%0D%0AX: \\')}`,
  ]);
});

test("an upload without files is legal and empty", () => {
  const { contentType, chunks } = encodeUpload([]);
  assert.deepEqual([...decodeUpload(contentType, Buffer.concat(chunks))], []);
});

/** What decoding leaves to later steps: content that must be a JSON object. */
function isJsonObject(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

const uploadCodes: readonly string[] = ["MALFORMED_UPLOAD", "NO_FILENAME", "INVALID_ROLE"] satisfies ServerErrorCode[];

function recordedCode({ status, res_body = "" }: RecordedExchange): string | undefined {
  const code = status === 200 ? undefined : /"code":"([A-Z_]+)"/.exec(res_body)?.[1];
  return status === undefined ? "MALFORMED_UPLOAD" : code;
}

for (const exchange of [...edgeCases(), ...recordedUploads()]) {
  if (exchange.method === "POST" && exchange.path.endsWith("/_trust/tuf/")) {
    test(`a recorded upload is read as by the original: ${exchange.label}`, () => {
      const expected = recordedCode(exchange);
      const contentType = exchange.req_headers["Content-Type"];
      let found: string | undefined;
      try {
        for (const { bytes } of decodeUpload(contentType, Buffer.from(exchange.req_body ?? ""))) {
          if (expected === "MALFORMED_JSON" && !isJsonObject(bytes)) {
            found = "MALFORMED_JSON";
            break;
          }
        }
      } catch (error) {
        found = error instanceof ProtocolError ? error.answer : String(error);
      }
      if (uploadCodes.includes(expected ?? "") || uploadCodes.includes(found ?? "")) {
        assert.equal(found, expected);
      }
    });
  }
}

const bodies: readonly (readonly [title: string, body: string, outcome: readonly string[], contentType?: string])[] = [
  ["slashes of a delegation are kept", named("targets/a/b", "{}") + "--xx--\r\n", ["targets/a/b={}"]],
  [
    "one .json is removed",
    named("targets/a.json", "1") + named("root.json", "2") + "--xx--",
    ["targets/a=1", "root=2"],
  ],
  ["only one .json is removed", named("root.json.json", "") + "--xx--", ['INVALID_ROLE "root.json"']],
  ["a name that is only .json is none", named(".json", "") + "--xx--", ["NO_FILENAME"]],
  ["no end of line after the last boundary", named("root", "{}") + "--xx--", ["root={}"]],
  ["text before the first and after the last boundary", `hello\r\n${named("root", "{}")}--xx--\r\nbye`, ["root={}"]],
  ["white space after a boundary", `--xx \t\r\n${named("root", "{}").slice(6)}--xx-- \r\n`, ["root={}"]],
  ["bare LF throughout", (named("root", "{}") + "--xx--\n").replaceAll("\r", ""), ["root={}"]],
  [
    "content that holds the boundary's text",
    named("root", "a--xx\r\n--xxx\r\n-xx") + "--xx--",
    ["root=a--xx\r\n--xxx\r\n-xx"],
  ],
  ["empty content", named("root", "") + "--xx--", ["root="]],
  [
    "empty content, boundary right after the headers",
    '--xx\r\nContent-Disposition: x; filename="root"\r\n\r\n--xx--',
    ["root="],
  ],
  ["a role twice", named("root", "1") + named("root", "2") + "--xx--", ["root=1", "root=2"]],
  ["a file name without quotes", part("attachment; filename=root", "1") + "--xx--", ["root=1"]],
  ["a quoted pair", part('form-data; filename="targets\\/a"', "1") + "--xx--", ["targets/a=1"]],
  ["an extended file name", part("form-data; filename*=UTF-8''targets%2Fa", "1") + "--xx--", ["targets/a=1"]],
  [
    "folded headers, any case",
    '--xx\r\nCONTENT-disposition: form-data;\r\n  FILENAME="root"\r\n\r\n1\r\n--xx--',
    ["root=1"],
  ],
  [
    "the first of two dispositions counts",
    `--xx\r\nContent-Disposition: x; filename="root"\r\n${named("targets", "1").slice(6)}--xx--`,
    ["root=1"],
  ],
  [
    "a quoted boundary with odd characters",
    named("root", "1").replaceAll("xx", "a b:?'") + "--a b:?'--",
    ["root=1"],
    `multipart/form-data; boundary="a b:?'"`,
  ],
  ["multipart/mixed", named("root", "1") + "--xx--", ["root=1"], "Multipart/Mixed; charset=utf-8; boundary=xx"],
  ["slashes need quotes", part("form-data; filename=targets/a", "1") + "--xx--", ["NO_FILENAME"]],
  ["a repeated parameter", part('form-data; filename="root"; filename="targets"', "1") + "--xx--", ["NO_FILENAME"]],
  ["no disposition", "--xx\r\n\r\n{}\r\n--xx--", ["NO_FILENAME"]],
  ["an empty file name", named("", "{}") + "--xx--", ["NO_FILENAME"]],
  ["an unknown role after a good one", named("root", "1") + named("bogus", "2"), ["root=1", 'INVALID_ROLE "bogus"']],
  ["capital letters in a delegation", named("targets/UPPER", "1"), ['INVALID_ROLE "targets/UPPER"']],
  ["traversal in a delegation", named("targets/../root", "1"), ['INVALID_ROLE "targets/../root"']],
  ["an absolute path", named("/etc/passwd", "1"), ['INVALID_ROLE "/etc/passwd"']],
  ["a trailing slash", named("targets/", "1"), ['INVALID_ROLE "targets/"']],
  [
    "a part cut short is handed out first",
    named("root", '{"signed":').slice(0, -2),
    ['root={"signed":', "MALFORMED_UPLOAD"],
  ],
  ["cut within the last boundary", `${named("root", "{}")}--xx`, ["root={}", "MALFORMED_UPLOAD"]],
  ["cut within a boundary line", `${named("root", "{}")}--x`, ["root={}\r\n--x", "MALFORMED_UPLOAD"]],
  ["cut within the headers", '--xx\r\nContent-Disposition: form-data; filename="ro', ["MALFORMED_UPLOAD"]],
  ["a header line without a name", "--xx\r\nrubbish\r\n\r\n{}\r\n--xx--", ["MALFORMED_UPLOAD"]],
  [
    "a re-coded part",
    `--xx\r\nContent-Transfer-Encoding: quoted-printable\r\n${named("root", "1").slice(6)}--xx--`,
    ["MALFORMED_UPLOAD"],
  ],
  ["nothing", "", ["MALFORMED_UPLOAD"]],
  ["another boundary", "--yy\r\nfoo", ["MALFORMED_UPLOAD"]],
  ["a boundary in the middle of a line only", "text --xx--", ["MALFORMED_UPLOAD"]],
  ["no content type", "{}", ["MALFORMED_UPLOAD"], ""],
  ["another content type", "{}", ["MALFORMED_UPLOAD"], "application/json"],
  ["multipart of another kind", "--xx--", ["MALFORMED_UPLOAD"], "multipart/related; boundary=xx"],
  ["no boundary named", "--xx--", ["MALFORMED_UPLOAD"], "multipart/form-data"],
  ["an empty boundary", "----", ["MALFORMED_UPLOAD"], 'multipart/form-data; boundary=""'],
  ["a boundary beyond 70 characters", "", ["MALFORMED_UPLOAD"], `multipart/form-data; boundary=${"x".repeat(71)}`],
  ["two boundaries named", "--xx--", ["MALFORMED_UPLOAD"], "multipart/form-data; boundary=xx; boundary=yy"],
];

for (const [title, body, expected, contentType = form] of bodies) {
  test(`upload: ${title}`, () => {
    assert.deepEqual(outcome(contentType, body), expected);
  });
}

test("a missing content type header is malformed", () => {
  assert.deepEqual(outcome(undefined, "--xx--"), ["MALFORMED_UPLOAD"]);
});

const limited: readonly (readonly [
  title: string,
  body: string,
  limits: Partial<UploadLimits>,
  outcome: readonly string[],
])[] = [
  ["the body", named("root", "{}") + "--xx--", { maxBytes: 60 }, ["MALFORMED_UPLOAD"]],
  ["the parts", named("root", "1") + named("targets", "2") + "--xx--", { maxParts: 1 }, ["root=1", "MALFORMED_UPLOAD"]],
  [
    "exactly as many parts",
    named("root", "1") + named("targets", "2") + "--xx--",
    { maxParts: 2 },
    ["root=1", "targets=2"],
  ],
  ["the headers of a part", named("root", "{}") + "--xx--", { maxHeaderBytes: 40 }, ["MALFORMED_UPLOAD"]],
  ["headers without end", `--xx\r\n${"A: b\r\n".repeat(100)}`, { maxHeaderBytes: 100 }, ["MALFORMED_UPLOAD"]],
];

for (const [title, body, limits, expected] of limited) {
  test(`there is a limit: ${title}`, () => {
    assert.deepEqual(outcome(form, body, limits), expected);
  });
}

test("whatever is sent arrives, also when it looks like a boundary", () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.constantFrom("\r\n", "--", "-", "\n", "\r", "xx", "\r\n--"), { maxLength: 30 }).map((pieces) => {
      return new Uint8Array(Buffer.from(pieces.join("")));
    }),
  );
  const roles = fc.uniqueArray(fc.constantFrom("root", "targets", "snapshot", "timestamp", "targets/a", "targets/a/b"));
  fc.assert(
    fc.property(roles, fc.array(content, { minLength: 6, maxLength: 6 }), (roles, contents) => {
      const files = roles.map((role, index) => ({ role, bytes: contents[index] ?? new Uint8Array() }));
      const { contentType, chunks } = encodeUpload(files);
      const expected = texts(files);
      assert.deepEqual(texts(decodeUpload(contentType, Buffer.concat(chunks))), expected);
    }),
  );
});

test("no body makes the decoder fail in another way than it says", () => {
  const piece = fc.constantFrom(
    "--xx",
    "--xx--",
    "\r\n",
    "\n",
    "\r",
    ":",
    "Content-Disposition",
    'x; filename="root"',
    "{}",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      outcome(form, pieces.join(""));
    }),
    { numRuns: 500 },
  );
});
