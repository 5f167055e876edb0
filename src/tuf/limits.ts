/** Upper bounds on everything the rules read. Sizes in bytes; those are Notary's. */
export interface Limits {
  /** A timestamp file. */
  readonly timestampBytes: number;
  /** Any other metadata file, whatever length a signed file gives. */
  readonly metadataBytes: number;
  /** Nesting of JSON objects and arrays. */
  readonly jsonDepth: number;
  /** JSON values of every kind in one file, the limit on its bytes aside: a million targets of five or six values each pass. */
  readonly jsonValues: number;
  /** Signature entries in one file, counted before any of them is verified. */
  readonly signatures: number;
  /** Newer roots walked one by one in one update. */
  readonly rootSteps: number;
  /** Delegated roles visited in one walk. */
  readonly delegations: number;
}

const mebibyte = 1024 * 1024;

export const defaultLimits: Limits = Object.freeze({
  timestampBytes: mebibyte,
  metadataBytes: 100 * mebibyte,
  jsonDepth: 64,
  jsonValues: 6_500_000,
  signatures: 256,
  rootSteps: 256,
  delegations: 4096,
});

/** Fills what `some` leaves out with the defaults. */
export function limitsWith(some: Partial<Limits> = {}): Limits {
  return { ...defaultLimits, ...some };
}
