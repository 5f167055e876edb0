/** One right that a request needs. `name` is the repository or GUN, or `catalog` of the whole registry. */
export interface RequiredAccess {
  readonly type: "repository" | "registry";
  readonly name: string;
  readonly action: string;
}

/** What a request shows for itself. */
export interface Credentials {
  readonly authorization: string | undefined;
  /** The `Host` header: challenges may point back to it. */
  readonly host: string | undefined;
}

export type AccessDecision =
  | { readonly allowed: true }
  /** The challenge says where to get what is lacking; it becomes `WWW-Authenticate` beside status 401. */
  | { readonly allowed: false; readonly challenge: string };

/** Decides who may do what. A service without one lets everybody do everything. */
export interface AccessControl {
  /** Whether the credentials give every right in `required`; with none required, whether they are anybody's. */
  authorize(credentials: Credentials, required: readonly RequiredAccess[]): Promise<AccessDecision>;
}
