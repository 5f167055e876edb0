import type { IncomingMessage } from "node:http";
import { readBody, type BodyLimits } from "../../http/body.ts";
import { HttpError } from "../../http/errors.ts";
import { ProtocolError, validationDetail } from "../../notary/errorCodes.ts";
import { decodeUpload } from "../../notary/upload.ts";
import { emptyAnswer } from "../../http/answer.ts";
import { ServerError } from "../errors.ts";
import type { Handler } from "../serverContext.ts";

const done = emptyAnswer(200);

/** How long a client refused for want of memory should wait, in seconds. */
const retryAfter = "5";

/** `POST` to the collection: an upload, judged and stored whole or not at all. */
export const update: Handler<"update"> = async ({ config, policy, writer, uploads }, { gun }, request) => {
  policy.checkLength(gun);
  const limits = { maxBytes: config.bodyLimit, idleMs: config.bodyIdleSeconds * 1000, budget: uploads };
  // Before the lock of the GUN is taken, so that a slow sender keeps nobody waiting.
  const body = await readUpload(request, limits);
  try {
    await writer.publish(gun, decodeUpload(request.headers["content-type"], body, { maxBytes: config.bodyLimit }));
  } finally {
    uploads.giveBack(body.length);
  }
  return done;
};

async function readUpload(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  try {
    return await readBody(request, limits);
  } catch (cause) {
    throw cause instanceof HttpError ? refusal(cause, limits) : cause;
  }
}

function refusal(cause: HttpError, { maxBytes }: BodyLimits): ServerError | ProtocolError {
  switch (cause.code) {
    case "HTTP_BODY_TOO_LARGE": {
      // Clients show a reason only with status 400 and a validation error as detail.
      const message = `the upload is larger than the limit of ${maxBytes} bytes`;
      const detail = validationDetail("ErrValidation", message);
      return new ServerError("SERVER_BODY_TOO_LARGE", message, { cause, detail });
    }
    case "HTTP_BODY_BUDGET": {
      const headers = { "Retry-After": retryAfter };
      return new ServerError("SERVER_BUSY", cause.message, { cause, headers });
    }
    default:
      return new ProtocolError("MALFORMED_UPLOAD", { cause, hint: cause.hint });
  }
}
