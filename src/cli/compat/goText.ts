/**
 * Texts and number syntax of Go's standard library, as far as they show through in what the original programs print.
 */

/** Go's `%q`: double quotes, escapes for what a terminal would not show. */
export function goQuote(text: string): string {
  let quoted = "";
  for (const character of text) quoted += escapes[character] ?? escapeUnprintable(character);
  return `"${quoted}"`;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

function escapeUnprintable(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x20 || point === 0x7f) return `\\x${point.toString(16).padStart(2, "0")}`;
  if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return character;
  return point > 0xffff ? `\\U${point.toString(16).padStart(8, "0")}` : `\\u${point.toString(16).padStart(4, "0")}`;
}

/** Go's `%#q` of one string: back quotes where they are possible. */
export function goBackQuote(text: string): string {
  return /[`\p{Cc}\ufeff]/u.test(text.replaceAll("\t", "")) ? goQuote(text) : `\`${text}\``;
}

/** A value refused by Go's `strconv`; the message is the one it gives. */
export class GoSyntaxError extends Error {}

/** `strconv.ParseBool`. */
export function parseGoBool(text: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw new GoSyntaxError(`strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`);
}

/** `strconv.ParseInt(text, 0, 64)`: decimal, or the base its prefix says (`0x`, `0o`, `0`, `0b`), `_` between digits. */
export function parseGoInt(text: string): bigint {
  const match = /^([+-]?)(?:0x((?:_?[0-9a-f])+)|0b((?:_?[01])+)|0o?((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/i.exec(text);
  if (!match) throw new GoSyntaxError(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  const [, sign, hex, binary, octal, decimal] = match;
  const digits = hex ? `0x${hex}` : binary ? `0b${binary}` : octal ? `0o${octal}` : (decimal ?? "");
  return inInt64("ParseInt", text, signed(sign, BigInt(digits.replaceAll("_", ""))));
}

/** `strconv.Atoi`: decimal only. */
export function parseGoDecimal(text: string): bigint {
  const match = /^([+-]?)([0-9]+)$/.exec(text);
  if (!match) throw new GoSyntaxError(`strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`);
  return inInt64("Atoi", text, signed(match[1], BigInt(match[2] ?? "")));
}

function signed(sign: string | undefined, value: bigint): bigint {
  return sign === "-" ? -value : value;
}

function inInt64(name: string, text: string, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new GoSyntaxError(`strconv.${name}: parsing ${goQuote(text)}: value out of range`);
}

/** One record of comma-separated values as `encoding/csv` reads it; an empty text holds none. */
export function parseGoCsv(text: string): string[] {
  if (text === "") return [];
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      const [field, end] = quotedField(text, at + 1);
      fields.push(field);
      at = end;
    } else {
      const end = endOfField(text, at);
      const field = text.slice(at, end);
      if (field.includes('"')) throw csvError(text, at + field.indexOf('"'), 'bare " in non-quoted-field');
      fields.push(field);
      at = end;
    }
    if (text[at] !== ",") return fields;
    at += 1;
  }
}

function quotedField(text: string, start: number): [field: string, end: number] {
  let field = "";
  for (let at = start; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw csvError(text, text.length, 'extraneous or missing " in quoted-field');
    field += text.slice(at, quote);
    const next = text[quote + 1];
    if (next === '"') {
      field += '"';
      at = quote + 2;
    } else if (next === undefined || next === "," || next === "\n") {
      return [field, quote + 1];
    } else {
      throw csvError(text, quote, 'extraneous or missing " in quoted-field');
    }
  }
}

function endOfField(text: string, start: number): number {
  const end = text.slice(start).search(/[,\n]/);
  return end < 0 ? text.length : start + end;
}

function csvError(text: string, at: number, reason: string): GoSyntaxError {
  const column = Buffer.byteLength(text.slice(0, at)) + 1;
  return new GoSyntaxError(`parse error on line 1, column ${column}: ${reason}`);
}

const errnoTexts: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "file exists",
  EISDIR: "is a directory",
  ELOOP: "too many levels of symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "file name too long",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
};

/** A system error as Go's `os` package words it: `open FILE: no such file or directory`. */
export function goFileError(operation: string, path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return `${operation} ${path}: ${errnoTexts[code ?? ""] ?? message}`;
}
