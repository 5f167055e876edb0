/**
 * What a server is told about who asks: a password, the identity token that a registry gave in its place, or a token for
 * the registry itself, to be sent as it is.
 */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly username?: string; readonly identityToken: string }
  | { readonly registryToken: string };
