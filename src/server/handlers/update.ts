import type { IncomingMessage } from "node:http";
import { readBody, type BodyLimits } from "../../http/body.ts";
import { HttpError } from "../../http/errors.ts";
import { ProtocolError, validationDetail } from "../../notary/errorCodes.ts";
import { decodeUpload } from "../../notary/upload.ts";
import { emptyAnswer } from "../../http/answer.ts";
import { ServerError } from "../errors.ts";
import type { Handler } from "../serverContext.ts";

const done = emptyAnswer(200);

/** `POST` to the collection: an upload, judged and stored whole or not at all. */
export const update: Handler<"update"> = async ({ config, policy, writer }, { gun }, request) => {
  policy.checkLength(gun);
  const limits = { maxBytes: config.bodyLimit, idleMs: config.bodyIdleSeconds * 1000 };
  // Before the lock of the GUN is taken, so that a slow sender keeps nobody waiting.
  const body = await readUpload(request, limits);
  await writer.publish(gun, decodeUpload(request.headers["content-type"], body, { maxBytes: config.bodyLimit }));
  return done;
};

/** Clients show a reason only with status 400 and a validation error as detail, so that is what a large body is answered with. */
async function readUpload(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  try {
    return await readBody(request, limits);
  } catch (cause) {
    if (!(cause instanceof HttpError)) {
      throw cause;
    }
    if (cause.code === "HTTP_BODY_TOO_LARGE") {
      const message = `the upload is larger than the limit of ${limits.maxBytes} bytes`;
      throw new ServerError("SERVER_BODY_TOO_LARGE", message, {
        cause,
        detail: validationDetail("ErrValidation", message),
      });
    }
    throw new ProtocolError("MALFORMED_UPLOAD", { cause, hint: cause.hint });
  }
}
