import { decodeBase64 } from "../tuf/encoding.ts";
import type { Credentials } from "../transport/credentials.ts";
import { NotaryError } from "./errors.ts";

/**
 * Reads NOTARY_AUTH: base64 of `<username>:<password>`. Empty or absent means none.
 * @throws NotaryError NOTARY_CREDENTIALS; its message is the line Notary logs before it goes on without credentials
 */
export function parseNotaryAuth(text: string | undefined): Credentials | undefined {
  if (text === undefined || text === "") {
    return undefined;
  }
  const bytes = decodeBase64(text.replace(/[\r\n]/g, ""));
  if (bytes === undefined) {
    throw new NotaryError("NOTARY_CREDENTIALS", "Could not base64-decode authentication string");
  }
  const decoded = new TextDecoder().decode(bytes);
  const colon = decoded.indexOf(":");
  if (colon < 0) {
    throw new NotaryError(
      "NOTARY_CREDENTIALS",
      "Malformatted authentication string; format must be <username>:<password>",
    );
  }
  if (colon === 0) {
    throw new NotaryError("NOTARY_CREDENTIALS", "Authentication string with zero-length username");
  }
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
