/**
 * Something a person should know although the work goes on. `message` is what Notary logs in this case; `level` is the level
 * it logs at.
 */
export interface TrustWarning {
  readonly level: "error" | "warning" | "info";
  readonly message: string;
  /** Why, where Notary does not say it. */
  readonly reason?: string | undefined;
  /** The role it is about. */
  readonly role?: string | undefined;
}

export type WarningSink = (warning: TrustWarning) => void;
