/** What the registry is told about one manifest. */
export type SignedVerdict =
  | { readonly signed: true }
  /** The reason is for the person who pulls: what was looked for, and what was found. */
  | { readonly signed: false; readonly reason: string };

/**
 * Says what is signed. The registry knows nothing of keys and roles; whoever puts the services together connects this with the
 * trust data. An error means that it could not be decided, and nothing is served then.
 */
export interface SignedContent {
  /** Whether the repository serves only what is signed. Asked for every request; has to be quick. */
  covers(repository: string): boolean;

  /**
   * Whether the digest is signed by whomever the policy requires: under the tag when one is given, else under any name of the
   * repository's collection.
   */
  check(repository: string, digest: string, tag: string | undefined): Promise<SignedVerdict>;

  /** The digests of everything in the repository that `check` finds signed. */
  signedDigests(repository: string): Promise<readonly string[]>;
}
