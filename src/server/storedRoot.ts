import type { Root, SignedFile } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { checkIntegrity, rootCertificates } from "../tuf/rootTrust.ts";
import type { StoredFile } from "./store.ts";

/** Stored roots as decoded; a stored file never changes. */
const decoded = new WeakMap<StoredFile, SignedFile<Root>>();

/**
 * A stored root, decoded and not judged.
 * @throws TufError TUF_JSON, TUF_MALFORMED when the store holds something else
 */
export function openStoredRoot(file: StoredFile): SignedFile<Root> {
  let root = decoded.get(file);
  if (root === undefined) {
    root = notaryDialect.decodeRoot(notaryDialect.openFile("root", file.bytes));
    decoded.set(file, root);
  }
  return root;
}

/** From when until when (milliseconds since 1970) a stored root was found sound: its certificates are valid in between. */
const sound = new WeakMap<SignedFile<Root>, { readonly from: number; readonly until: number }>();

/**
 * Judges the stored root that an upload without a root, or the renewal of a timestamp, relies on: its certificates must be
 * valid now, whatever the expiry of its metadata.
 * @param root from `openStoredRoot`, of the collection `gun`
 * @throws TufError TUF_ROOT_CERTIFICATE
 */
export function checkStoredRoot(root: SignedFile<Root>, gun: string, now: Date): void {
  const known = sound.get(root);
  const at = now.getTime();
  if (known !== undefined && known.from <= at && at <= known.until) {
    return;
  }
  const certificates = rootCertificates(root.body, gun, now, "checked");
  checkIntegrity(root, certificates);
  const ends = certificates.flatMap(({ leaf, authorities }) => [leaf, ...authorities]).map(({ notAfter }) => +notAfter);
  sound.set(root, { from: at, until: Math.min(...ends) });
}
