/** What a server is told about who asks: a password, or the identity token that a registry gave in its place. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly username?: string; readonly identityToken: string };
