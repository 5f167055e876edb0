import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, logLevels, type LoggerOptions } from "./logger.ts";
import { HttpError } from "./errors.ts";

function logged(level: LoggerOptions["level"], write: (logger: ReturnType<typeof createLogger>) => void) {
  const lines: string[] = [];
  write(createLogger({ ...(level && { level }), stream: { write: (line) => void lines.push(line) } }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("writes one JSON object per line with level, time and message", () => {
  const [line, ...rest] = logged("info", (log) => log.info({ gun: "a/b" }, "stored"));
  assert.deepEqual(rest, []);
  assert.deepEqual(Object.keys(line ?? {}), ["level", "time", "gun", "msg"]);
  assert.equal(line?.["level"], "info");
  assert.equal(line["msg"], "stored");
  assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("levels are Notary's: below the configured one nothing is written", () => {
  const written = (level: LoggerOptions["level"]): unknown[] =>
    logged(level, (log) => {
      log.debug("");
      log.info("");
      log.warn("");
      log.error("");
      log.fatal("");
    }).map((line) => line["level"]);
  assert.deepEqual(written(undefined), ["error", "fatal"]);
  assert.deepEqual(written("warning"), ["warning", "error", "fatal"]);
  assert.deepEqual(written("debug"), ["debug", "info", "warning", "error", "fatal"]);
  assert.deepEqual(written("panic"), ["fatal"]);
  assert.deepEqual(logLevels.length, 6);
});

test("secrets are not written, at any of the depths that occur", () => {
  const secret = "hunter2";
  const text = JSON.stringify(
    logged("info", (log) => {
      log.info({ authorization: secret, headers: { authorization: secret, cookie: secret } });
      log.info({
        request: { headers: { authorization: secret } },
        passphrase: secret,
        options: { password: secret, token: secret },
      });
    }),
  );
  assert.ok(!text.includes(secret));
  assert.match(text, /\[redacted\]/);
});

test("errors are written with code, hint and causes; a stack only for those nobody raised on purpose", () => {
  const cause = new Error("disk on fire");
  const [line] = logged("info", (log) =>
    log.error({ err: new HttpError("HTTP_LISTEN", "cannot listen", { cause }) }, "x"),
  );
  const error = line?.["err"] as Record<string, Record<string, unknown>>;
  assert.equal(error["code"], "HTTP_LISTEN");
  assert.equal(error["message"], "cannot listen");
  assert.equal(error["stack"], undefined);
  assert.equal(error["cause"]?.["message"], "disk on fire");
  assert.match(String(error["cause"]?.["stack"]), /logger\.test\.ts/);
  assert.deepEqual(logged("info", (log) => log.error({ err: "a string" }, "x"))[0]?.["err"], "a string");
});
