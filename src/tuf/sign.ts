import type { Dialect } from "./dialect.ts";
import { TufError } from "./errors.ts";
import type { MetadataBody, SignedFile } from "./metadata.ts";
import { notaryDialect } from "./notaryDialect.ts";
import type { Signature, Signer } from "./signature.ts";

/**
 * Signs a body and writes its file, byte for byte as Notary's programs would. One signature per signer, in their order.
 * @param role the role the file is for: a body alone does not say which delegation it is
 * @throws TufError TUF_NO_SIGNING_KEY without signers, TUF_UNENCODABLE; whatever a signer throws
 */
export async function signMetadata<B extends MetadataBody>(
  body: B,
  role: string,
  signers: readonly Signer[],
  dialect: Dialect = notaryDialect,
): Promise<SignedFile<B>> {
  if (signers.length === 0) {
    throw new TufError("TUF_NO_SIGNING_KEY", `${role} cannot be signed without a key`, { role });
  }
  const raw = dialect.encodeBody(body);
  const message = dialect.messageOf(raw);
  const signatures: Signature[] = [];
  for (const signer of signers) {
    signatures.push(await signer.sign(message));
  }
  const { version, expires } = body;
  const bytes = dialect.encodeFile(message, signatures);
  return { role, bytes, raw, message, signatures, type: dialect.typeOf(role), version, expires, body };
}
