import { MetadataCache } from "../../trust/cache.ts";
import type { Ceremony } from "../../trust/ceremony.ts";
import { describeContents } from "../../trust/ceremonyContents.ts";
import { checkAgainstMemory, type CeremonyAnchor } from "../../trust/ceremonyMemory.ts";
import { addSignatures, pendingSignatures, type PendingSignature } from "../../trust/ceremonySigning.ts";
import { describeKey } from "../../trust/ceremonySummary.ts";
import { TrustError } from "../../trust/errors.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { terminalPrompt } from "../prompt.ts";
import type { Ui } from "../ui.ts";
import { onlyFile, readCeremony, updateCeremonyFile } from "./ceremonyFiles.ts";
import { CeremonyPlace, placeOptions, placeOptionsHelp } from "./ceremonyPlace.ts";
import { ceremonyAsJson, progressText, proposalText } from "./ceremonyText.ts";

const help = `Say what a ceremony is about, ask, and add the signatures of the keys on this machine. No network is needed.

Usage: countersign ceremony sign FILE [OPTIONS]

What is shown is computed from the very bytes that are signed. Before that is checked that they follow from the root they say
they follow and from what this machine has seen of the collection; a file that was edited on the way is refused. A key signs
once; signing again changes nothing, and nothing else in the file ever changes.

  --expect DIGEST       agree to the proposal with this digest (sha256:…) and to no other, instead of being asked
  --key ID              sign with this key only; can be repeated
  --gun GUN             refuse a proposal for any other collection
  --root-key ID         refuse unless the current root has this key and is signed by it; to be repeated for as many keys as the
                        root takes. Of use where nothing was ever seen
${placeOptionsHelp}
  --json                what was signed as one JSON document
  --help                show this text

Passphrases are asked for, three times at most, or come from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and, for every other key,
DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE.

Exit code: 0 signed, or there was nothing to add; 3 refused; 1 not agreed to, or no key of the ceremony is here, or none could be
opened; 2 wrong usage. The file is changed only when all of this machine's signatures could be made.

Example:
  $ countersign ceremony sign --expect sha256:7a4c… /media/stick/app.ceremony
`;

/** `countersign ceremony sign FILE` */
export const sign = nativeCommand({
  help,
  options: {
    ...placeOptions,
    expect: { type: "string" },
    key: { type: "string", multiple: true },
    gun: { type: "string" },
    "root-key": { type: "string", multiple: true },
    json: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    const file = onlyFile("sign", args);
    const now = new Date();
    const ceremony = await readCeremony(file, now);
    const { gun } = ceremony;
    if (options.gun !== undefined && options.gun !== gun) {
      throw new TrustError("TRUST_CEREMONY_DIGEST", `the proposal is for ${gun}, not for ${options.gun}`);
    }
    const place = new CeremonyPlace(options, ui);
    const cache = new MetadataCache(place.trustDir, gun);
    const memory = { cache, lastSeen: place.lastSeen, rootKeys: options["root-key"], now };
    const anchor = await checkAgainstMemory(ceremony, memory);
    ui.note(proposalText(ceremony).trimEnd());
    noteAnchor(anchor, ceremony, ui);
    const pending = await pendingSignatures(ceremony, place.keys, options.key);
    if (pending.length === 0 && !(await hasSignedBefore(ceremony, place, options.key))) {
      const wanted = ceremony.progress.filter(({ missing }) => missing > 0).flatMap(({ keys }) => keys);
      throw new TrustError("TRUST_KEY_NOT_FOUND", `no key that could sign this is on this machine`, {
        hint: `The key files are those in ${place.trustDir}. Wanted are ${[...new Set(wanted.map(({ key }) => describeKey(key)))].join("; ") || "no more keys"}.`,
      });
    }
    let signed = ceremony;
    if (pending.length > 0) {
      await requireAgreement(ceremony, pending, options.expect, ui);
      signed = await updateCeremonyFile(file, await addSignatures(ceremony, pending, place), now);
    } else {
      requireExpected(ceremony, options.expect);
    }
    const added = pending.map(({ role, key }) => ({ role, key: key.id }));
    if (options.json === true) ui.printJson({ file, signed: added, ...ceremonyAsJson(signed) });
    else {
      ui.print(added.map(({ role, key }) => `${ui.emphasise("green", "signed")} ${role} with ${key}\n`).join(""));
      if (added.length === 0) ui.print("the keys of this machine have signed already\n");
      ui.print(progressText(signed));
    }
    return 0;
  },
});

/** Where nothing vouches for the state before, changes to it are not all that a signer has to see. */
function noteAnchor(anchor: CeremonyAnchor, { proposal }: Ceremony, ui: Ui): void {
  if (anchor === "new collection") {
    ui.note("a new collection: nothing comes before it, and whoever reads it will hold on to these keys");
    return;
  }
  if (anchor !== "nothing") {
    ui.note(`the current root goes with the ${anchor}${anchor === "given keys" ? "" : " of this machine"}`);
    return;
  }
  const { roles, keys } = proposal.roots.at(-1)!.body;
  const own = (roles.get("root")?.keyIds ?? []).flatMap((id) => keys.get(id) ?? []);
  ui.note(["this is all that is to be signed:", ...describeContents(proposal)].join("\n"));
  ui.warn(
    `this machine has never seen the collection: compare the digest, and the keys of its current root, ${own.map(describeKey).join("; ")}`,
  );
}

async function hasSignedBefore(ceremony: Ceremony, { keys }: CeremonyPlace, ids?: readonly string[]): Promise<boolean> {
  return ceremony.signatures.length > 0 && (await pendingSignatures(ceremony.unsigned(), keys, ids)).length > 0;
}

/** @throws TrustError TRUST_CEREMONY_DIGEST; CliError CLI_USAGE when nobody can be asked, CLI_DECLINED */
async function requireAgreement(
  ceremony: Ceremony,
  pending: readonly PendingSignature[],
  expected: string | undefined,
  ui: Ui,
): Promise<void> {
  requireExpected(ceremony, expected);
  if (expected !== undefined) return;
  const prompt = terminalPrompt((text) => ui.ask(text));
  if (!prompt.interactive) {
    throw new CliError("CLI_USAGE", "there is no terminal to ask on whether this shall be signed", {
      hint: "Agree with --expect DIGEST, having compared the digest with the others who sign.",
    });
  }
  for (const { role, key } of pending) ui.note(`would sign ${role} with ${describeKey(key)}`);
  const answer = await prompt.line("Sign this? (yes/no) ");
  if (answer?.trim().toLowerCase() !== "yes") {
    throw new CliError("CLI_DECLINED", "not signed, and the file is as it was");
  }
}

function requireExpected({ digest }: Ceremony, expected: string | undefined): void {
  if (expected !== undefined && expected !== digest) {
    throw new TrustError("TRUST_CEREMONY_DIGEST", `the digest of the proposal is ${digest}, not ${expected}`);
  }
}
