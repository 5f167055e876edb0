import type { SigningService } from "../keys/signingService.ts";
import type { PublicKey } from "../tuf/key.ts";

/**
 * A key of the signing service, if it may sign for the collection `gun`; undefined when the service lacks it or made it for another
 * collection. Whoever may publish one collection could otherwise name the keys of another in its root, and have statements signed
 * that clients of the other believe: its old targets as the current ones, say. The original signs with any key it has.
 */
export async function heldKey(signing: SigningService, keyId: string, gun: string): Promise<PublicKey | undefined> {
  const held = await signing.getKey(keyId);
  return held !== undefined && (held.gun === undefined || held.gun === gun) ? held.key : undefined;
}
