import { asList, asMembers, asText, parseMembers } from "./rawMetadata.ts";
import type { Json } from "./rawMetadata.ts";
import type { Answer, Part, TestRepository, TrustServerUnderTest } from "./testRepository.ts";

/** What the server is to answer: 200 with an empty body, or an envelope with this code and detail. */
export interface Expected {
  readonly status: number;
  readonly code?: string;
  readonly detail?: Json;
}

export interface Judged {
  readonly repository: TestRepository;
  /** The upload to be judged: parts, or a body in a form of its own. */
  readonly upload: readonly Part[] | { readonly contentType: string | undefined; readonly body: Uint8Array | string };
  readonly expected: Expected;
}

export interface UploadCase {
  readonly rule: string;
  readonly name: string;
  /** Uploads what comes before and makes the upload to judge. */
  readonly given: (server: TrustServerUnderTest) => Promise<Judged>;
  /** Where we differ from the original on purpose: what it answers, and why we do not. */
  readonly original?: { readonly answers: Expected | "no answer"; readonly because: string };
}

export const accepted: Expected = { status: 200 };

export const versionConflict: Expected = { status: 400, code: "VERSION", detail: {} };

export const malformedJson: Expected = { status: 400, code: "MALFORMED_JSON" };

/** INVALID_UPDATE with one of the five validation errors. */
export function refused(
  name: "ErrValidation" | "ErrBadRoot" | "ErrBadTargets" | "ErrBadSnapshot" | "ErrBadHierarchy",
  message: string,
): Expected {
  const detail = name === "ErrBadHierarchy" ? { Missing: "snapshot", Msg: message } : { Msg: message };
  return { status: 400, code: "INVALID_UPDATE", detail: { Name: name, Error: detail } };
}

/** INVALID_UPDATE that says no more. */
export const refusedWithoutDetail: Expected = { status: 400, code: "INVALID_UPDATE" };

/** Sends the upload to be judged and reads the answer as far as `Expected` tells it. */
export async function answerTo(server: TrustServerUnderTest, judged: Judged): Promise<Expected | "no answer"> {
  const { repository, upload } = judged;
  try {
    return envelopeOf(
      "body" in upload
        ? await server.post(`/v2/${repository.gun}/_trust/tuf/`, upload.contentType, upload.body)
        : await server.upload(repository.gun, upload),
    );
  } catch (error) {
    // fetch's way to say that the connection was closed.
    if (error instanceof TypeError) return "no answer";
    throw error;
  }
}

/** An answer as far as `Expected` tells it. */
export function envelopeOf({ status, body }: Pick<Answer, "status" | "body">): Expected {
  if (status === 200 || body === "") return { status };
  const [error, ...more] = asList(parseMembers(body)["errors"]);
  if (more.length > 0) throw new Error(`more than one error: ${body}`);
  const { code, detail } = asMembers(error);
  return { status, code: asText(code), ...(detail !== undefined && { detail }) };
}
