import { TufError } from "./errors.ts";

/**
 * The refusal of a text that is not base64, in the words of Go's decoder, which name an offset. The hint says where the text
 * was found.
 */
export function illegalBase64(text: string, what: string): TufError {
  return new TufError("TUF_MALFORMED", `illegal base64 data at input byte ${faultOffset(text)}`, {
    hint: `${what} is not standard base64 with padding.`,
  });
}

/** The first character that cannot stand where it does; the start of a last group of fewer than four without padding. */
function faultOffset(text: string): number {
  const at = /^[A-Za-z0-9+/]*/.exec(text)![0].length;
  const inGroup = at % 4;
  if (at === text.length) {
    return at - inGroup;
  }
  if (text[at] !== "=" || inGroup < 2) {
    return at;
  }
  if (inGroup === 3) {
    return at + 1;
  }
  if (at + 1 === text.length) {
    return text.length;
  }
  return text[at + 1] === "=" ? at + 2 : at;
}
