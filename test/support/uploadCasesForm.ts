import { TestRepository } from "./testRepository.ts";
import { accepted, malformedJson, refused } from "./uploadCase.ts";
import type { Expected, Judged, UploadCase } from "./uploadCase.ts";

/** A first upload whose root part is filed under `filename`. */
function filed(name: string, expected: Expected, filename: string): UploadCase {
  return {
    rule: "F",
    name,
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const { content } = repository.targets();
      return { repository, upload: [repository.root(), { role: filename, content }], expected };
    },
  };
}

/** An upload whose body is this text. */
function body(
  name: string,
  expected: Expected,
  contentType: string | undefined,
  text: string,
  more: Pick<UploadCase, "original"> = {},
): UploadCase {
  return {
    rule: "F",
    name,
    ...more,
    given: async (server): Promise<Judged> => {
      const repository = await TestRepository.published(server);
      return { repository, upload: { contentType, body: text }, expected };
    },
  };
}

const malformedUpload: Expected = { status: 400, code: "MALFORMED_UPLOAD" };
const invalidRole = (role: string): Expected => ({ status: 400, code: "INVALID_ROLE", detail: role });
const form = "multipart/form-data; boundary=xx";
const part = 'Content-Disposition: form-data; name="files"; filename="targets"';
const crash = { answers: "no answer", because: "the original's handler crashes and the connection is closed" } as const;

export const formCases: readonly UploadCase[] = [
  filed("`.json` after the role", accepted, "targets.json"),
  filed("`.json` twice after the role", invalidRole("targets.json"), "targets.json.json"),
  filed("an unknown role", invalidRole("bogus"), "bogus"),
  filed("a delegation in capitals", invalidRole("targets/UPPER"), "targets/UPPER"),
  filed("a traversal", invalidRole("../targets"), "../targets"),
  filed("a traversal inside a delegation", invalidRole("targets/../root"), "targets/../root"),
  filed("an empty segment", invalidRole("targets//a"), "targets//a"),
  filed("a slash at the end", invalidRole("targets/"), "targets/"),
  filed("a role of 256 bytes", invalidRole(`targets/${"a".repeat(248)}`), `targets/${"a".repeat(248)}`),
  filed("an empty filename", { status: 400, code: "NO_FILENAME" }, ""),
  {
    rule: "F",
    name: "a timestamp part is ignored",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const timestamp = { role: "timestamp", content: String(repository.targets().content) };
      return { repository, upload: [repository.root(), repository.targets(), timestamp], expected: accepted };
    },
  },
  {
    rule: "F",
    name: "a role twice: the last one counts",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const unsigned = repository.targets({ signers: [] });
      return { repository, upload: [repository.root(), unsigned, repository.targets()], expected: accepted };
    },
  },
  {
    rule: "F",
    name: "a role twice, the last one bad",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      const unsigned = repository.targets({ signers: [] });
      return {
        repository,
        upload: [repository.root(), repository.targets(), unsigned],
        expected: refused("ErrBadTargets", "tuf: data has no signatures"),
      };
    },
  },
  {
    rule: "F",
    name: "a part that is no JSON is reported before a bad root",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      return {
        repository,
        upload: [repository.root({ version: 9 }), { role: "targets", content: "{" }],
        expected: malformedJson,
      };
    },
  },
  {
    rule: "F",
    name: "a bad role is reported before broken JSON that follows it",
    given: async (server) => {
      const repository = await TestRepository.create(server);
      return {
        repository,
        upload: [
          { role: "bogus", content: "{}" },
          { role: "targets", content: "{" },
        ],
        expected: invalidRole("bogus"),
      };
    },
  },
  body("no content type", malformedUpload, undefined, "hello"),
  body("another content type", malformedUpload, "application/json", "{}"),
  body("multipart/mixed without parts", accepted, "multipart/mixed; boundary=xx", "--xx--\r\n"),
  body(
    "a part without filename",
    { status: 400, code: "NO_FILENAME" },
    form,
    '--xx\r\nContent-Disposition: form-data; name="files"\r\n\r\n{}\r\n--xx--\r\n',
  ),
  body("a part cut short", malformedJson, form, `--xx\r\n${part}\r\n\r\n{"signed":`),
  body("an empty body", malformedUpload, form, "", { original: crash }),
  body("a body without the boundary", malformedUpload, form, "--yy\r\nfoo", { original: crash }),
];
