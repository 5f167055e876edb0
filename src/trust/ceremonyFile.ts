import { canonicalize } from "../tuf/canonical.ts";
import { digestHex } from "../tuf/crypto.ts";
import { decodeBase64, encodeBase64 } from "../tuf/encoding.ts";
import { CountersignError } from "../tuf/error.ts";
import { isJsonObject, jsonObject, type JsonObject, type JsonValue } from "../tuf/json.ts";
import { asArray, asObject, asString, asStrings } from "../tuf/jsonMember.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { defaultLimits } from "../tuf/limits.ts";
import { isRole } from "../tuf/role.ts";
import { signatureFromJson, type Signature } from "../tuf/signature.ts";
import { parseTime, type Time } from "../tuf/time.ts";
import { TrustError } from "./errors.ts";
import { parseGun } from "./gun.ts";

/*
 * The file of a ceremony (docs/ceremonies.md): one JSON document that travels between machines. Everything that is agreed to is in
 * its member `proposal`, whose digest is what people compare; signatures lie beside it. `needs` and `summary` are for people who
 * open the file without this program: they are computed anew by whoever reads it, and a file that says something else is refused.
 */

/** What is proposed: the bytes to sign and all that they follow from. */
export interface CeremonyContent {
  readonly gun: string;
  readonly made: Time;
  /** Nobody signs or publishes it any more from then on. */
  readonly validUntil: Time;
  /** Files of the roots up to the current one, which comes last, without gaps; none for a new collection. */
  readonly roots: readonly Uint8Array[];
  /** The current files of the roles that change and of those above them, parents first. */
  readonly files: readonly RoleBytes[];
  /** The very bytes that signatures are made over, in the order of an upload. */
  readonly payloads: readonly RoleBytes[];
  /** File names of the staged changes that went into it. */
  readonly staged: readonly string[];
}

export interface RoleBytes {
  readonly role: string;
  readonly bytes: Uint8Array;
}

/** A signature over the payload of a role. */
export interface RoleSignature extends Signature {
  readonly role: string;
}

/** A file as read: its form has been judged, nothing else. */
export interface CeremonyFile {
  readonly content: CeremonyContent;
  /** `sha256:` and the digest over the proposal: what signers agree to. */
  readonly digest: string;
  readonly signatures: readonly RoleSignature[];
  /** What the file says for people. */
  readonly needs: JsonValue;
  readonly summary: JsonValue;
}

/** The longest file, in bytes: it has to be shown to a person, and to fit on anything. */
export const ceremonyFileLimit = 64 * 1024 * 1024;
/** The most signatures in one file, over all roles. */
const mostSignatures = defaultLimits.signatures;
const mostRoles = 256;

const format = "countersign-ceremony";
const formatVersion = 1;
const stagedName = /^[0-9A-Za-z_-]{1,200}\.change$/;

/**
 * The bytes of the file. Everything about it is decided by the content and the signatures.
 * @throws TrustError TRUST_CEREMONY_FILE when they would be more than can be read again
 */
export function encodeCeremonyFile(file: CeremonyFile): Uint8Array {
  const { content, digest, signatures, needs, summary } = file;
  const document = {
    format,
    version: formatVersion,
    digest,
    summary,
    needs,
    proposal: proposalJson(content),
    signatures: signatures.map(({ role, keyId, method, bytes }) => {
      return { role, keyid: keyId, method, sig: encodeBase64(bytes) };
    }),
  };
  const bytes = Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`);
  requireSize(bytes);
  return bytes;
}

/** What signers agree to, `sha256:…`. */
export function ceremonyDigest(content: CeremonyContent): string {
  return digestOfProposal(proposalJson(content));
}

/**
 * Reads a file.
 * @throws TrustError TRUST_CEREMONY_FILE: too large, cut short, of another format, damaged or edited
 */
export function decodeCeremonyFile(bytes: Uint8Array): CeremonyFile {
  requireSize(bytes);
  try {
    return readDocument(parseJson(bytes, { maxBytes: ceremonyFileLimit, maxDepth: 16 }));
  } catch (error) {
    if (error instanceof TrustError || !(error instanceof CountersignError)) {
      throw error;
    }
    throw unusable(error.message, error);
  }
}

function requireSize({ byteLength }: Uint8Array): void {
  if (byteLength > ceremonyFileLimit) {
    throw unusable(`it has ${byteLength} bytes, more than the limit of ${ceremonyFileLimit}`);
  }
}

function readDocument(value: JsonValue): CeremonyFile {
  if (!isJsonObject(value) || value["format"] !== format) {
    throw unusable("it is no file of a ceremony");
  }
  if (value["version"] !== formatVersion) {
    throw unusable(`its format version is ${JSON.stringify(value["version"])}, and only ${formatVersion} can be read`);
  }
  onlyMembers(value, ["format", "version", "digest", "summary", "needs", "proposal", "signatures"], "the file");
  const proposal = asObject(value["proposal"], "proposal");
  const digest = digestOfProposal(proposal);
  if (value["digest"] !== digest) {
    throw unusable("its proposal does not have the digest that the file says: it was damaged or edited on the way");
  }
  const signatures = asArray(value["signatures"], "signatures");
  if (signatures.length > mostSignatures) {
    throw unusable(`it has ${signatures.length} signatures, more than the limit of ${mostSignatures}`);
  }
  return {
    content: readProposal(proposal),
    digest,
    signatures: signatures.map(readSignature),
    needs: value["needs"] ?? null,
    summary: value["summary"] ?? null,
  };
}

function readProposal(proposal: JsonObject): CeremonyContent {
  onlyMembers(proposal, ["gun", "made", "valid_until", "roots", "files", "payloads", "staged"], "proposal");
  const roots = asStrings(proposal["roots"], "roots").map((text) => bytesFrom(text, "a root"));
  const files = readRoles(proposal["files"], "files");
  const payloads = readRoles(proposal["payloads"], "payloads");
  const staged = asStrings(proposal["staged"], "staged");
  if (payloads.length === 0) {
    throw unusable("there is nothing in it to sign");
  }
  if (roots.length > defaultLimits.rootSteps) {
    throw unusable(`it has ${roots.length} roots, more than the limit of ${defaultLimits.rootSteps}`);
  }
  if (!staged.every((name) => stagedName.test(name))) {
    throw unusable("it names a staged change that cannot be one");
  }
  return {
    gun: parseGun(asString(proposal["gun"], "gun")),
    made: parseTime(asString(proposal["made"], "made")),
    validUntil: parseTime(asString(proposal["valid_until"], "valid_until")),
    roots,
    files,
    payloads,
    staged,
  };
}

function readRoles(value: JsonValue | undefined, what: string): RoleBytes[] {
  const entries = asArray(value, what).map((entry): RoleBytes => {
    const object = asObject(entry, `each of ${what}`);
    onlyMembers(object, ["role", "bytes"], `an entry of ${what}`);
    const role = asString(object["role"], `a role of ${what}`);
    return { role: knownRole(role), bytes: bytesFrom(asString(object["bytes"], `the bytes of ${role}`), role) };
  });
  if (entries.length > mostRoles || new Set(entries.map(({ role }) => role)).size < entries.length) {
    throw unusable(`${what} lists a role twice, or more than ${mostRoles} roles`);
  }
  return entries;
}

function readSignature(value: JsonValue): RoleSignature {
  const object = asObject(value, "a signature");
  onlyMembers(object, ["role", "keyid", "method", "sig"], "a signature");
  return { role: knownRole(asString(object["role"], "the role of a signature")), ...signatureFromJson(object) };
}

function proposalJson({ gun, made, validUntil, roots, files, payloads, staged }: CeremonyContent): JsonObject {
  const byRole = (entries: readonly RoleBytes[]): JsonObject[] => {
    return entries.map(({ role, bytes }) =>
      jsonObject([
        ["role", role],
        ["bytes", encodeBase64(bytes)],
      ]),
    );
  };
  return jsonObject([
    ["gun", gun],
    ["made", made.text],
    ["valid_until", validUntil.text],
    ["roots", roots.map(encodeBase64)],
    ["files", byRole(files)],
    ["payloads", byRole(payloads)],
    ["staged", [...staged]],
  ]);
}

function digestOfProposal(proposal: JsonObject): string {
  return `sha256:${digestHex("sha256", canonicalize(proposal))}`;
}

/** Whoever adds something that nobody reads may hope that somebody else reads it. */
function onlyMembers(object: JsonObject, names: readonly string[], what: string): void {
  const unknown = Object.keys(object).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw unusable(`${what} has a member ${JSON.stringify(unknown)} that does not belong there`);
  }
}

function knownRole(role: string): string {
  return isRole(role) ? role : fail(`${JSON.stringify(role)} is not a role`);
}

function bytesFrom(text: string, what: string): Uint8Array {
  return decodeBase64(text) ?? fail(`the bytes of ${what} are not base64`);
}

function fail(why: string): never {
  throw unusable(why);
}

/** That a file cannot be used, and why. */
export function unusable(why: string, cause?: unknown): TrustError {
  return new TrustError("TRUST_CEREMONY_FILE", `the file of the ceremony cannot be used: ${why}`, { cause });
}
