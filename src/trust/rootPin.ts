import { readFileSync } from "node:fs";
import type { Root, SignedFile } from "../tuf/metadata.ts";
import { validateRoot, type RootCertificate, type RootPin } from "../tuf/rootTrust.ts";
import { readAuthorities, verifyChain } from "./certificateChain.ts";
import type { Pin, PinPolicy } from "./pins.ts";

/** The reasons that Notary gives after `could not validate the path to a trusted root: `. */
const reasons = {
  nothingPinned: "invalid trust pinning specified",
  noAuthorities: "could not load root cert from CA path",
};

export interface PinQuestion {
  readonly pins: PinPolicy;
  readonly gun: string;
  readonly now: Date;
}

/**
 * A pin as the rules ask it about a root: the first one, or one that follows an expired one. Undefined lets every root pass
 * that is signed by itself. A root file is no such question: it replaces the first root.
 */
export function rootPinFor(pin: Pin, now: Date): RootPin | undefined {
  switch (pin.kind) {
    case "keys":
      return {
        select: (leaves) =>
          leaves.filter(({ key, canonicalId }) => pin.ids.includes(key.id) || pin.ids.includes(canonicalId)),
      };
    case "ca":
      return { select: (leaves) => leavesOfAuthorities(leaves, pin.path, now) };
    case "none":
      return { select: () => reasons.nothingPinned };
    default:
      return undefined; // firstUse, rootFile
  }
}

/**
 * Asks a pin that is meant for every root about one that is to be relied on, wherever it came from (see PinPolicy).
 * @throws TufError TUF_ROOT_CERTIFICATE with Notary's text for a root that does not match
 */
export function requirePinned(root: SignedFile<Root>, { pins, gun, now }: PinQuestion): void {
  const pin = pins.pinFor(gun);
  if (pins.asked === "every" && (pin.kind === "keys" || pin.kind === "ca")) {
    validateRoot({ file: root, gun, now, pin: rootPinFor(pin, now) });
  }
}

/** The file is read only when the question comes up: as in Notary, a missing one does not matter before. */
function leavesOfAuthorities(
  leaves: readonly RootCertificate[],
  path: string,
  now: Date,
): readonly RootCertificate[] | string {
  let pem: Uint8Array;
  try {
    pem = readFileSync(path);
  } catch {
    return reasons.noAuthorities; // The text names the setting; which file it is stands in the configuration.
  }
  const authorities = readAuthorities(pem);
  if (authorities.length === 0) {
    return reasons.noAuthorities;
  }
  return leaves.filter(({ leaf, authorities: shipped }) =>
    verifyChain({ leaf, intermediates: shipped, authorities, now }),
  );
}
