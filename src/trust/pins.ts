import { isJsonObject, jsonObject, type JsonObject, type JsonValue } from "../tuf/json.ts";
import { TrustError } from "./errors.ts";

/** What makes the root of a collection trusted. */
export type Pin =
  /** One of the root's certificates (or the bare key in it) has one of these IDs. An empty list allows nothing. */
  | { readonly kind: "keys"; readonly ids: readonly string[] }
  /** The root, or a later one that follows from it, is in this file, placed beforehand. */
  | { readonly kind: "rootFile"; readonly path: string }
  /** Every certificate of the root leads to one of the authorities in this PEM file. */
  | { readonly kind: "ca"; readonly path: string }
  /** Whatever the server shows first. */
  | { readonly kind: "firstUse" }
  /** Nothing: only what is cached or remembered already. */
  | { readonly kind: "none" };

/** A pin and the collections it is for. */
export interface PinRule {
  /** A GUN, or a beginning of GUNs followed by `*`. */
  readonly gun: string;
  readonly pin: Pin;
}

export interface PinPolicyOptions {
  readonly rules?: readonly PinRule[];
  /** For collections that no rule names. */
  readonly otherwise: "firstUse" | "none";
}

/** Which pin holds for a collection: rules, of which the first that applies decides. */
export class PinPolicy {
  /**
   * Which roots a key, an authority or a root file is asked about: `every` one that is relied on, cached and remembered ones
   * too, or the `first` one and any that follows an expired one.
   */
  readonly asked: "every" | "first";
  readonly #rules: readonly PinRule[];
  readonly #otherwise: Pin;

  private constructor(asked: "every" | "first", rules: readonly PinRule[], otherwise: Pin) {
    this.asked = asked;
    this.#rules = rules;
    this.#otherwise = otherwise;
  }

  /**
   * Our own: pins are asked about every root, so that a verdict does not depend on what a machine has cached. An exact name
   * goes before a `*`, a longer beginning before a shorter one.
   */
  static of({ rules = [], otherwise }: PinPolicyOptions): PinPolicy {
    return new PinPolicy("every", rules.toSorted(byPrecision), { kind: otherwise });
  }

  /** Docker's and Notary's default: the first root seen is trusted. */
  static firstUse(): PinPolicy {
    return PinPolicy.of({ otherwise: "firstUse" });
  }

  /** Ours: nothing is trusted that was not pinned, cached or seen before. */
  static pinnedOnly(): PinPolicy {
    return PinPolicy.of({ otherwise: "none" });
  }

  /**
   * Notary's `trust_pinning` section (client reference §5): exact `certs`, then the longest `certs` ending in `*`, then the
   * longest `ca` prefix, then first use unless `disable_tofu`; asked about the first root only. Names are compared as written;
   * the original lower-cases them, and so ignores pins of names with capitals (§0.6).
   * @param section as parsed, undefined when absent
   * @throws TrustError TRUST_PIN_FORMAT
   */
  static fromNotary(section: JsonValue | undefined): PinPolicy {
    const object = sectionOf(section, "trust_pinning");
    const certs = Object.entries(sectionOf(object["certs"], "trust_pinning.certs")).map(([gun, ids]): PinRule => {
      return { gun, pin: { kind: "keys", ids: strings(ids, "trust_pinning.certs") } };
    });
    const authorities = Object.entries(sectionOf(object["ca"], "trust_pinning.ca")).map(([prefix, path]): PinRule => {
      if (typeof path !== "string") {
        throw badFormat("trust_pinning.ca");
      }
      return { gun: `${prefix}*`, pin: { kind: "ca", path } };
    });
    const withoutFirstUse = object["disable_tofu"] ?? false;
    if (typeof withoutFirstUse !== "boolean") {
      throw badFormat("trust_pinning.disable_tofu");
    }
    const rules = [...certs.toSorted(byPrecision), ...authorities.toSorted(byPrecision)];
    return new PinPolicy("first", rules, { kind: withoutFirstUse ? "none" : "firstUse" });
  }

  /** The pin of a collection. */
  pinFor(gun: string): Pin {
    return this.#rules.find((rule) => applies(rule, gun))?.pin ?? this.#otherwise;
  }
}

function applies(rule: PinRule, gun: string): boolean {
  return rule.gun.endsWith("*") ? gun.startsWith(rule.gun.slice(0, -1)) : gun === rule.gun;
}

function byPrecision(a: PinRule, b: PinRule): number {
  const wild = Number(a.gun.endsWith("*")) - Number(b.gun.endsWith("*"));
  return wild === 0 ? b.gun.length - a.gun.length : wild;
}

function sectionOf(value: JsonValue | undefined, name: string): JsonObject {
  if (value === undefined || value === null) {
    return jsonObject();
  }
  if (!isJsonObject(value)) {
    throw badFormat(name);
  }
  return value;
}

function strings(value: JsonValue, name: string): string[] {
  if (!Array.isArray(value)) {
    throw badFormat(name);
  }
  return value.map((item) => (typeof item === "string" ? item : badItem(name)));
}

function badItem(name: string): never {
  throw badFormat(name);
}

function badFormat(name: string): TrustError {
  return new TrustError("TRUST_PIN_FORMAT", `invalid format for ${name}`);
}
