import { parseImageName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import { cachedCollections } from "../trust/cachedCollections.ts";
import { gunOfImage } from "../trust/gun.ts";
import { CliError } from "./errors.ts";

/** A collection as the command line names it: by its GUN or by an image it speaks for. */
export interface NamedCollection {
  readonly text: string;
  readonly gun: string;
  /** Says where the trust server and its credentials are. */
  readonly image: ImageName;
}

/**
 * Finds out which collections are meant. A name that the trust directory has a collection under is that GUN; every other one is
 * read as an image, as Docker does. A tag or digest does not matter.
 * @throws CliError CLI_USAGE, OciError OCI_NAME, TrustError TRUST_GUN, TRUST_DIRECTORY
 */
export async function namedCollections(texts: readonly string[], trustDir: string): Promise<NamedCollection[]> {
  const cached = await cachedCollections(trustDir);
  return texts.map((text) => {
    const image = cached.includes(text) ? imageOfGun(text) : parseImageName(text);
    return { text, gun: gunOfImage(image), image };
  });
}

/** Every collection in the cache of a trust directory. Those whose name has no host are told apart: nobody can say where they are. */
export async function knownCollections(
  trustDir: string,
): Promise<{ readonly collections: NamedCollection[]; readonly withoutHost: string[] }> {
  const guns = await cachedCollections(trustDir);
  const hasHost = (gun: string): boolean => gun.includes("/");
  return {
    collections: guns.filter(hasHost).map((gun) => ({ text: gun, gun, image: imageOfGun(gun) })),
    withoutHost: guns.filter((gun) => !hasHost(gun)),
  };
}

function imageOfGun(gun: string): ImageName {
  const slash = gun.indexOf("/");
  if (slash < 0) {
    throw new CliError("CLI_USAGE", `the name ${gun} does not say on which host its collection is`, {
      hint: "Use countersign notary, which takes the address of the trust server from its configuration.",
    });
  }
  return { domain: gun.slice(0, slash), path: gun.slice(slash + 1) };
}
