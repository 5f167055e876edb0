import assert from "node:assert/strict";
import test from "node:test";
import { edgeCases, recordedUploads } from "../../test/support/recordedExchange.ts";
import { readVectorLines } from "../../test/support/vectors.ts";
import {
  decodeErrorBody,
  encodeErrorBody,
  ProtocolError,
  serverErrorCodes,
  validationDetail,
  validationText,
  type ServerErrorCode,
} from "./errorCodes.ts";
import type { ValidationName } from "./errors.ts";

interface Envelope {
  readonly errors: readonly [{ readonly code: ServerErrorCode; readonly message: string; readonly detail?: unknown }];
}

interface RecordedAnswer {
  readonly status: number;
  readonly body: string;
}

const recorded: readonly RecordedAnswer[] = [
  ...[...edgeCases(), ...recordedUploads()].map(({ status = 0, res_body = "" }) => ({ status, body: res_body })),
  ...readVectorLines<RecordedAnswer>("server/auth/auth.jsonl"),
  ...readVectorLines<Partial<RecordedAnswer>>("server/http/gun-prefix-cases.jsonl").map(
    ({ status = 0, body = "" }) => ({
      status,
      body,
    }),
  ),
].filter(({ body }) => body.startsWith('{"errors"'));

test("every recorded error body is written byte for byte, with its status", () => {
  const seen = new Set<string>();
  for (const { status, body } of recorded) {
    const envelope: Envelope = JSON.parse(body);
    const [{ code, detail }] = envelope.errors;
    assert.equal(encodeErrorBody(code, detail), body);
    assert.equal(serverErrorCodes[code].status, status);
    seen.add(code);
  }
  assert.deepEqual([...seen].toSorted(), [
    "INVALID_GUN",
    "INVALID_PARAMETERS",
    "INVALID_ROLE",
    "INVALID_UPDATE",
    "MALFORMED_JSON",
    "MALFORMED_UPLOAD",
    "METADATA_NOT_FOUND",
    "NO_FILENAME",
    "UNAUTHORIZED",
    "UNKNOWN",
    "VERSION",
  ]);
});

test("characters that Go escapes are escaped", () => {
  assert.equal(
    encodeErrorBody("INVALID_ROLE", '<a>&\u2028\u2029"\\é'),
    '{"errors":[{"code":"INVALID_ROLE","message":"The role you are attempting to operate on is invalid.",' +
      '"detail":"\\u003ca\\u003e\\u0026\\u2028\\u2029\\"\\\\é"}]}\n',
  );
});

test("a protocol error carries what the server has to answer", () => {
  const error = new ProtocolError("INVALID_ROLE", { detail: "bogus" });
  assert.equal(error.answer, "INVALID_ROLE");
  assert.equal(error.status, 400);
  assert.equal(error.detail, "bogus");
  assert.equal(error.code, "NOTARY_PROTOCOL");
  assert.equal(error.message, "The role you are attempting to operate on is invalid.");
});

// What the original client printed for each, given such an answer.
const texts: readonly (readonly [name: ValidationName, text: string])[] = [
  ["ErrValidation", "An error occurred during validation: boom"],
  ["ErrBadHierarchy", "Metadata hierarchy is incomplete: boom"],
  ["ErrBadRoot", "The root metadata is invalid: boom"],
  ["ErrBadTargets", "The targets metadata is invalid: boom"],
  ["ErrBadSnapshot", "The snapshot metadata is invalid: boom"],
];

for (const [name, text] of texts) {
  test(`${name} goes over the wire and is told in the client's words`, () => {
    const body = encodeErrorBody("INVALID_UPDATE", validationDetail(name, "boom"));
    const reason = decodeErrorBody(Buffer.from(body));
    assert.deepEqual(reason, { name, message: "boom" });
    assert.equal(reason && validationText(reason), text);
  });
}

test("the hierarchy error names what is missing before its message, as recorded", () => {
  assert.equal(
    JSON.stringify(validationDetail("ErrBadHierarchy", "m")),
    '{"Name":"ErrBadHierarchy","Error":{"Missing":"snapshot","Msg":"m"}}',
  );
});

const error = (detail: unknown): unknown => ({ code: "INVALID_UPDATE", message: "m", detail });
const boom = { Name: "ErrBadRoot", Error: { Msg: "boom" } };
const unexplained: Readonly<Record<string, unknown>> = {
  "no errors": { errors: [] },
  "two errors": { errors: [error(boom), error(boom)] },
  "errors that are no list": { errors: error(boom) },
  "no detail": { errors: [{ code: "VERSION", message: "m" }] },
  "an empty detail": { errors: [error({})] },
  "an unknown name": { errors: [error({ ...boom, Name: "ErrOther" })] },
  "a name that objects inherit": { errors: [error({ ...boom, Name: "constructor" })] },
  "a name that is no text": { errors: [error({ ...boom, Name: ["ErrBadRoot"] })] },
  "a list": [],
  null: null,
  "a reason longer than 1024 bytes": { errors: [error({ Name: "ErrBadRoot", Error: { Msg: "x".repeat(1024) } })] },
};

for (const [title, body] of Object.entries(unexplained)) {
  test(`an answer with ${title} gives no reason`, () => {
    assert.equal(decodeErrorBody(Buffer.from(JSON.stringify(body))), undefined);
  });
}

for (const body of ["", "boom", '{"errors":[', "\xff"]) {
  test(`${JSON.stringify(body)} is no envelope`, () => {
    assert.equal(decodeErrorBody(Buffer.from(body, "latin1")), undefined);
  });
}
