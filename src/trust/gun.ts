import { join } from "node:path";
import { repositoryName, type ImageName } from "../oci/imageName.ts";
import { TrustError } from "./errors.ts";

/** The longest name a trust server's database holds (Notary's `gun` column). */
const longestGun = 255;
// Control characters and the backslash never occur in an image name, and could hide in a path or a log line.
// eslint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u001f\u007f\\]/;

/**
 * Checks the globally unique name of a collection: segments separated by `/`, none of them empty, `.` or `..`, so that it is
 * one place below the trust directory and below the server's address.
 * @throws TrustError TRUST_GUN
 */
export function parseGun(text: string): string {
  const bad = (why: string): never => {
    throw new TrustError("TRUST_GUN", `invalid collection name ${JSON.stringify(text)}: ${why}`);
  };
  if (text === "") {
    return bad("it is empty");
  }
  if (Buffer.byteLength(text) > longestGun) {
    return bad(`it is longer than ${longestGun} bytes`);
  }
  if (forbidden.test(text) || !text.isWellFormed()) {
    return bad("it has a character that no name can have");
  }
  for (const segment of text.split("/")) {
    if (segment === "" || segment === "." || segment === "..") {
      return bad(`it has the segment ${JSON.stringify(segment)}`);
    }
  }
  return text;
}

/** The collection that speaks for an image: the whole normalised repository name without tag (client reference §7.1). */
export function gunOfImage(image: ImageName): string {
  return parseGun(repositoryName(image));
}

/** Where Docker and Notary keep a collection: `<trust directory>/tuf/<GUN>`; a `:` stays as it is. */
export function collectionDirectory(trustDir: string, gun: string): string {
  return join(trustDir, "tuf", ...parseGun(gun).split("/"));
}
