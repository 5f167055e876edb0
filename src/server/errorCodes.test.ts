import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { multipart, TestRepository, type Part } from "../../test/support/testRepository.ts";
import { ListeningServer, localSigning, type WireAnswer } from "../../test/support/trustServer.ts";
import type { SigningService } from "../keys/signingService.ts";
import { KeysError } from "../keys/errors.ts";
import { serverErrorCodes, type ServerErrorCode } from "../notary/errorCodes.ts";
import { unauthorized } from "./access.ts";
import { SqliteStore } from "./sqliteStore.ts";

interface Row {
  readonly code: ServerErrorCode;
  readonly why: string;
  readonly detail: unknown;
  readonly provoke: (t: TestContext) => Promise<WireAnswer>;
}

function upload(server: ListeningServer, gun: string, parts: readonly Part[]): Promise<WireAnswer> {
  const { contentType, body } = multipart(parts);
  return post(server, gun, contentType, body);
}

function post(
  server: ListeningServer,
  gun: string,
  contentType: string,
  body: string | Uint8Array,
): Promise<WireAnswer> {
  return server.request("POST", `/v2/${gun}/_trust/tuf/`, { headers: { "Content-Type": contentType }, body });
}

/** A signing service with some of its methods replaced. */
function signingWith(replaced: Partial<SigningService>): SigningService {
  const real = localSigning();
  return {
    createKey: (...args) => real.createKey(...args),
    getKey: (...args) => real.getKey(...args),
    sign: (...args) => real.sign(...args),
    deleteKey: (...args) => real.deleteKey(...args),
    check: () => real.check(),
    close: () => real.close(),
    ...replaced,
  };
}

const rows: readonly Row[] = [
  {
    code: "NO_STORAGE",
    why: "the store was closed",
    detail: undefined,
    async provoke(t) {
      const server = await ListeningServer.start(t);
      await server.store.close();
      return server.request("GET", "/v2/a/_trust/tuf/root.json");
    },
  },
  ...(["GET", "POST"] as const).map((method): Row => ({
    code: "NO_CRYPTOSERVICE",
    why: `${method} of a key without a signing service`,
    detail: undefined,
    provoke: async (t) =>
      (await ListeningServer.start(t, { signing: undefined })).request(method, "/v2/a/_trust/tuf/timestamp.key"),
  })),
  {
    code: "NO_CRYPTOSERVICE",
    why: "an upload without a signing service",
    detail: undefined,
    provoke: async (t) => upload(await ListeningServer.start(t, { signing: undefined }), "a", []),
  },
  {
    code: "NO_KEYALGORITHM",
    why: "the signing service does not make such keys",
    detail: "algorithm rsa not supported for create key",
    async provoke(t) {
      const refusal = new KeysError("KEYS_ALGORITHM", "algorithm rsa not supported for create key");
      const signing = signingWith({ createKey: () => Promise.reject(refusal) });
      return (await ListeningServer.start(t, { signing })).request("POST", "/v2/a/_trust/tuf/timestamp.key");
    },
  },
  {
    code: "NO_FILENAME",
    why: "a part without a filename",
    detail: undefined,
    async provoke(t) {
      const body = '--xx\r\nContent-Disposition: form-data; name="files"\r\n\r\n{}\r\n--xx--\r\n';
      return post(await ListeningServer.start(t), "a", "multipart/form-data; boundary=xx", body);
    },
  },
  ...["bogus", "targets/UPPER", "targets/../root", "../../etc/passwd", "targets/", "snapshot/a"].map((role): Row => ({
    code: "INVALID_ROLE",
    why: `a part named ${role}`,
    detail: role,
    provoke: async (t) => upload(await ListeningServer.start(t), "a", [{ role, content: "{}" }]),
  })),
  ...["", "[]", "{", '{"signed":{"version":"1"}}', '{"signed":{"expires":5},"signatures":[]}'].map((content): Row => ({
    code: "MALFORMED_JSON",
    why: `a part holding ${JSON.stringify(content)}`,
    detail: undefined,
    provoke: async (t) => upload(await ListeningServer.start(t), "a", [{ role: "root", content }]),
  })),
  {
    code: "MALFORMED_JSON",
    why: "a part that the body cuts short",
    detail: undefined,
    async provoke(t) {
      const body = '--xx\r\nContent-Disposition: form-data; name="files"; filename="root"\r\n\r\n{"signed":';
      return post(await ListeningServer.start(t), "a", "multipart/form-data; boundary=xx", body);
    },
  },
  ...(
    [
      ["another content type", "application/json", "{}"],
      ["no boundary named", "multipart/form-data", "--xx--\r\n"],
      ["an empty body", "multipart/form-data; boundary=xx", ""],
      ["a body without its boundary", "multipart/form-data; boundary=xx", "no boundary here"],
    ] as const
  ).map(([why, contentType, body]): Row => ({
    code: "MALFORMED_UPLOAD",
    why,
    detail: undefined,
    provoke: async (t) => post(await ListeningServer.start(t), "a", contentType, body),
  })),
  {
    code: "INVALID_UPDATE",
    why: "nothing stored and no root uploaded",
    detail: {
      Name: "ErrValidation",
      Error: { Msg: "no pre-existing root and no root provided in update." },
    },
    provoke: async (t) => upload(await ListeningServer.start(t), "a", []),
  },
  {
    code: "INVALID_UPDATE",
    why: "a body above the limit",
    detail: { Name: "ErrValidation", Error: { Msg: "the upload is larger than the limit of 2048 bytes" } },
    async provoke(t) {
      const server = await ListeningServer.start(t, { config: { bodyLimit: 2048 } });
      return upload(server, "a", [{ role: "root", content: "x".repeat(2048) }]);
    },
  },
  {
    code: "VERSION",
    why: "the version is stored already",
    detail: {},
    async provoke(t) {
      const server = await ListeningServer.start(t);
      const repository = await TestRepository.published(server);
      return upload(server, repository.gun, [repository.targets({ version: 1 })]);
    },
  },
  {
    code: "VERSION",
    why: "the version does not fit into Notary's column",
    detail: {},
    async provoke(t) {
      const server = await ListeningServer.start(t);
      const repository = await TestRepository.published(server);
      return upload(server, repository.gun, [repository.targets({ version: 2 ** 31 })]);
    },
  },
  {
    code: "UPDATING",
    why: "the disk is full",
    detail: undefined,
    async provoke(t) {
      const server = await ListeningServer.start(t, { store: SqliteStore.open(":memory:", { testOnlyMaxPages: 40 }) });
      const repository = await TestRepository.create(server);
      const meta = { hashes: { sha256: Buffer.alloc(32).toString("base64") }, length: 1 };
      const targets = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`target-${n}`, meta]));
      return upload(server, repository.gun, [repository.root(), repository.targets({ targets })]);
    },
  },
  {
    code: "METADATA_NOT_FOUND",
    why: "no such path",
    detail: undefined,
    provoke: async (t) => (await ListeningServer.start(t)).request("GET", "/foo"),
  },
  {
    code: "METADATA_NOT_FOUND",
    why: "nothing stored under the name",
    detail: {},
    provoke: async (t) => (await ListeningServer.start(t)).request("GET", "/v2/none/_trust/tuf/root.json"),
  },
  {
    code: "METADATA_NOT_FOUND",
    why: "a version beyond 64 bits",
    detail: { Func: "Atoi", Num: "99999999999999999999", Err: {} },
    provoke: async (t) =>
      (await ListeningServer.start(t)).request("GET", "/v2/a/_trust/tuf/99999999999999999999.root.json"),
  },
  {
    code: "INVALID_GUN",
    why: "an upload outside the prefixes",
    detail: "Require GUNs with prefix: [docker.io/ my-reg.test/]",
    async provoke(t) {
      const server = await ListeningServer.start(t, { config: { gunPrefixes: ["docker.io/", "my-reg.test/"] } });
      return upload(server, "other", []);
    },
  },
  {
    code: "INVALID_GUN",
    why: "a name that Notary's tables cannot hold",
    detail: "GUNs may have at most 255 characters, and this one has 256",
    provoke: async (t) => upload(await ListeningServer.start(t), "g".repeat(256), []),
  },
  ...(
    [
      ["", 'invalid records parameter: strconv.ParseInt: parsing "": invalid syntax'],
      ["?records=x", 'invalid records parameter: strconv.ParseInt: parsing "x": invalid syntax'],
      [
        "?records=99999999999",
        'invalid records parameter: strconv.ParseInt: parsing "99999999999": value out of range',
      ],
      ["?records=1&change_id=abc", {}],
    ] as const
  ).map(([query, detail]): Row => ({
    code: "INVALID_PARAMETERS",
    why: `changefeed${query}`,
    detail,
    provoke: async (t) => (await ListeningServer.start(t)).request("GET", `/v2/_trust/changefeed${query}`),
  })),
  {
    code: "UNAUTHORIZED",
    why: "the access control refuses",
    detail: [
      { Type: "repository", Class: "", Name: "g/a", Action: "push" },
      { Type: "repository", Class: "", Name: "g/a", Action: "pull" },
    ],
    async provoke(t) {
      const access = {
        authorize: (_: unknown, required: Parameters<typeof unauthorized>[0]) =>
          Promise.reject(unauthorized(required, 'Bearer realm="https://auth.example.test/token"')),
      };
      const answer = await upload(await ListeningServer.start(t, { access }), "g/a", []);
      assert.equal(answer.headers["www-authenticate"], 'Bearer realm="https://auth.example.test/token"');
      return answer;
    },
  },
  {
    code: "UNKNOWN",
    why: "a timestamp that cannot be renewed because its root has expired",
    detail: { Role: "root", Expired: "Tue Jan 1 00:00:00 UTC 2030" },
    async provoke(t) {
      let now = new Date();
      const server = await ListeningServer.start(t, { now: () => now });
      const repository = await TestRepository.create(server);
      const [root, targets] = [repository.root({ expires: "2030-01-01T00:00:00Z" }), repository.targets()];
      await repository.publish(root, targets);
      now = new Date("2030-01-02T00:00:00Z");
      return server.request("GET", `/v2/${repository.gun}/_trust/tuf/timestamp.json`);
    },
  },
  {
    code: "UNKNOWN",
    why: "an error nobody raised on purpose, whose text stays in the log",
    detail: {},
    async provoke(t) {
      const signing = signingWith({ createKey: () => Promise.reject(new Error("password=hunter2")) });
      const server = await ListeningServer.start(t, { signing });
      const answer = await server.request("GET", "/v2/a/_trust/tuf/timestamp.key");
      assert.doesNotMatch(answer.body, /hunter2/);
      assert.match(JSON.stringify(server.log), /hunter2/);
      return answer;
    },
  },
];

for (const { code, why, detail, provoke } of rows) {
  test(`${code}: ${why}`, async (t) => {
    const answer = await provoke(t);
    const { status, message } = serverErrorCodes[code];
    assert.equal(answer.status, status, answer.body);
    assert.deepEqual(JSON.parse(answer.body), {
      errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }],
    });
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
    assert.equal(answer.headers["content-length"], String(Buffer.byteLength(answer.body)));
    assert.ok(answer.body.endsWith("]}\n"));
    assert.ok(answer.body.length <= 1024, "clients read no more");
  });
}

test("every code of the table is provoked, except the one that the original cannot answer with either", () => {
  const provoked = new Set(rows.map(({ code }) => code));
  const rest = Object.keys(serverErrorCodes).filter((code) => !provoked.has(code as ServerErrorCode));
  assert.deepEqual(rest, ["GENERIC_NOT_FOUND"]);
});
