import { canonicalize } from "../tuf/canonical.ts";
import { equalBytes } from "../tuf/encoding.ts";
import { jsonObject, type JsonValue } from "../tuf/json.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import { verifySignature } from "../tuf/signature.ts";
import {
  ceremonyDigest,
  decodeCeremonyFile,
  encodeCeremonyFile,
  unusable,
  type CeremonyContent,
  type RoleSignature,
} from "./ceremonyFile.ts";
import { judgeProposal, proposedRoles, type CeremonyNeed, type CeremonyProposal } from "./ceremonyProposal.ts";
import { summarize } from "./ceremonySummary.ts";
import { TrustError } from "./errors.ts";

/** A key that may sign a payload, and whether it has. */
export interface NeededKey {
  readonly key: PublicKey;
  readonly signed: boolean;
}

/** How far a need is met. */
export interface NeedProgress {
  readonly role: string;
  /** As in CeremonyNeed. */
  readonly by: string;
  readonly threshold: number;
  readonly keys: readonly NeededKey[];
  /** How many signatures are still missing. */
  readonly missing: number;
}

/**
 * A ceremony: what is proposed, judged, and the signatures collected so far, each verified. Adding signatures makes another one;
 * the proposal never changes.
 */
export class Ceremony {
  readonly content: CeremonyContent;
  /** `sha256:…`: what signers agree to. */
  readonly digest: string;
  readonly proposal: CeremonyProposal;
  /** In the order of roles and needs. */
  readonly signatures: readonly RoleSignature[];

  private constructor(fields: Pick<Ceremony, "content" | "digest" | "proposal">, signatures: readonly RoleSignature[]) {
    this.content = fields.content;
    this.digest = fields.digest;
    this.proposal = fields.proposal;
    this.signatures = this.#checked(signatures);
  }

  /** @throws TrustError TRUST_CEREMONY_PROPOSAL, TRUST_CEREMONY_EXPIRED */
  static propose(content: CeremonyContent, now: Date): Ceremony {
    const fields = { content, digest: ceremonyDigest(content), proposal: judgeProposal(content, now) };
    return new Ceremony(fields, []);
  }

  /**
   * Reads a ceremony from a file and judges all of it; nothing in it is believed that cannot be computed from the bytes to sign.
   * @throws TrustError TRUST_CEREMONY_FILE, TRUST_CEREMONY_PROPOSAL, TRUST_CEREMONY_EXPIRED, TRUST_CEREMONY_SIGNATURE
   */
  static read(bytes: Uint8Array, now: Date): Ceremony {
    const { content, digest, signatures, needs, summary } = decodeCeremonyFile(bytes);
    const ceremony = new Ceremony({ content, digest, proposal: judgeProposal(content, now) }, signatures);
    if (!sameJson(summary, ceremony.summary)) {
      throw unusable("its summary is not what the bytes to sign say: it was edited on the way");
    }
    if (!sameJson(needs, ceremony.#needsJson())) {
      throw unusable("the keys it asks for are not those that the roots and roles demand: it was edited on the way");
    }
    return ceremony;
  }

  get gun(): string {
    return this.content.gun;
  }

  /** Whether it begins a collection. */
  get isNew(): boolean {
    return this.proposal.roots.length === 0;
  }

  /** What is being signed, in plain words. */
  get summary(): string[] {
    return summarize(this.content, this.proposal);
  }

  get needs(): readonly CeremonyNeed[] {
    return proposedRoles(this.proposal).flatMap(({ needs }) => needs);
  }

  /** Who has signed, who is missing. Of a key that goes by two IDs one signature counts. */
  get progress(): readonly NeedProgress[] {
    return this.needs.map(({ role, by, threshold, keys }) => {
      const shown = keys.map((key) => ({ key, signed: this.hasSigned(role, key) }));
      const signed = new Set(shown.filter((each) => each.signed).map(({ key }) => canonicalKeyId(key))).size;
      return { role, by, threshold, keys: shown, missing: Math.max(0, threshold - signed) };
    });
  }

  get complete(): boolean {
    return this.progress.every(({ missing }) => missing === 0);
  }

  hasSigned(role: string, { id }: PublicKey): boolean {
    return this.signatures.some((signature) => signature.role === role && signature.keyId === id);
  }

  /** The signatures over a role's payload. */
  signaturesOf(role: string): readonly RoleSignature[] {
    return this.signatures.filter((signature) => signature.role === role);
  }

  /** The bytes that signatures of a role are made over. */
  payloadOf(role: string): Uint8Array {
    return this.content.payloads.find((payload) => payload.role === role)!.bytes; // Roles come from the proposal.
  }

  /** The same proposal before anybody has signed. */
  unsigned(): Ceremony {
    return new Ceremony(this, []);
  }

  /**
   * The ceremony with more signatures; those it has stay, others by the same key for the same role are passed over.
   * @throws TrustError TRUST_CEREMONY_SIGNATURE
   */
  with(more: readonly RoleSignature[]): Ceremony {
    const fresh = more.filter((signature) => {
      return !this.signatures.some(({ role, keyId }) => role === signature.role && keyId === signature.keyId);
    });
    return fresh.length === 0 ? this : new Ceremony(this, [...this.signatures, ...fresh]);
  }

  /**
   * The ceremony with the signatures of another copy of its file.
   * @throws TrustError TRUST_CEREMONY_DIGEST when that one proposes something else
   */
  joinedWith(other: Ceremony): Ceremony {
    if (other.digest !== this.digest) {
      const message = `the files propose different things: ${this.digest} and ${other.digest}`;
      throw new TrustError("TRUST_CEREMONY_DIGEST", message);
    }
    return this.with(other.signatures);
  }

  /** The bytes of its file. */
  encode(): Uint8Array {
    const { content, digest, signatures, summary } = this;
    return encodeCeremonyFile({ content, digest, signatures, summary, needs: this.#needsJson() });
  }

  /** In one order, whoever signed first; every one of them verified. */
  #checked(signatures: readonly RoleSignature[]): readonly RoleSignature[] {
    const sorted: RoleSignature[] = [];
    for (const { role, keys } of this.needs) {
      for (const key of keys) {
        const own = signatures.filter(({ role: of, keyId }) => of === role && keyId === key.id);
        if (own.length > 1) {
          throw badSignature(role, key.id, "is there twice");
        }
        if (own.some(({ method, bytes }) => !verifySignature(key, method, this.payloadOf(role), bytes))) {
          throw badSignature(role, key.id, "was not made over these bytes: one of the two was edited on the way");
        }
        sorted.push(...own.filter((signature) => !sorted.includes(signature)));
      }
    }
    const stranger = signatures.find((signature) => !sorted.includes(signature));
    if (stranger !== undefined) {
      throw badSignature(stranger.role, stranger.keyId, "is by a key that has no part in it");
    }
    return sorted;
  }

  #needsJson(): JsonValue {
    return this.needs.map(({ role, by, threshold, keys }) => {
      return jsonObject([
        ["role", role],
        ["by", by],
        ["threshold", threshold],
        ["keys", keys.map(({ id }) => id)],
      ]);
    });
  }
}

function sameJson(a: JsonValue, b: JsonValue): boolean {
  return equalBytes(canonicalize(a), canonicalize(b));
}

function badSignature(role: string, keyId: string, why: string): TrustError {
  return new TrustError("TRUST_CEREMONY_SIGNATURE", `the signature by ${JSON.stringify(keyId)} for ${role} ${why}`);
}
