import { KeyStore } from "../keys/keyStore.ts";
import { cachedByRole, environmentVariable, firstOf, fromEnvironment } from "../keys/passphrase.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { digestOf } from "../oci/digest.ts";
import type { FetchedManifest } from "../oci/fetchedManifest.ts";
import { parseImageName } from "../oci/imageName.ts";
import type { ImageName } from "../oci/imageName.ts";
import { formatPlatform, isAttestation } from "../oci/platform.ts";
import type { Pin } from "../trust/pins.ts";
import type { SignedImage } from "../trust/signImage.ts";
import { openKeyRing } from "./custodies.ts";
import { CliError } from "./errors.ts";
import { ownPlaces, withImageCollection } from "./imageCollection.ts";
import type { ImageAccess } from "./imageCollection.ts";
import { explainingUnpinned, pinsFor } from "./imageDecision.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { errorAsJson, forEachImage, worstExitCode } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { askPassphrases, dockerRoleName } from "./passphrasePrompt.ts";
import { registryOf, registryOptions, registryOptionsHelp } from "./registryImages.ts";
import type { RegistryUse } from "./registryImages.ts";
import { readPin, trustOptions, trustOptionsHelp } from "./trustOptions.ts";
import type { Ui } from "./ui.ts";

const help = `Sign images as they are in the registry, and publish the signatures. No Docker engine is needed.

Usage: countersign sign [OPTIONS] IMAGE:TAG[@DIGEST]…

What the tag means in the registry now is signed, or what the digest names if there is one: an image for one platform, or the
index of an image for many, which is signed as a whole. The bytes are fetched and checked before their digest is signed.

Keys are those in Docker's trust directory, ~/.docker/trust, and chosen as \`docker trust sign\` does: where nothing is
delegated the repository key signs; else every delegation directly below targets whose key is here, targets/releases included.
A collection that does not exist is begun: a root key (unless one is here already) and a repository key are made, and the
trust server keeps the keys for snapshot and timestamp. The result can be read and continued with Docker.

Passphrases are asked for on the terminal, or come from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and, for every other key,
DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE.

${trustOptionsHelp}
${registryOptionsHelp}
  --json                what was signed as one JSON document
  --help                show this text

Exit code: 0 all signed, 3 refused (the collection there cannot be trusted), 4 could not decide, 2 wrong usage, 1 anything
else, such as a missing key; for several images the first of 3, 4, 1 that occurred.

Example:
  $ countersign sign registry.example/team/app:1.0
  signed registry.example/team/app:1.0
    digest   sha256:5a9ecd4c1787a63b12aa8fa674d3ccd24520b1ac23eac7e098168974894f45f1 (linux/amd64, linux/arm64)
    roles    targets/alice, targets/releases
`;

interface Signed extends SignedImage {
  readonly mediaType: string;
  /** Of an index: what it holds images for. */
  readonly platforms: readonly string[] | undefined;
}

/** `countersign sign IMAGE…` */
export const sign = nativeCommand({
  help,
  options: { ...trustOptions, ...registryOptions, json: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    if (args.length === 0) throw new CliError("CLI_USAGE", "sign needs at least one image");
    const pin = readPin(options);
    const images = args.map((text) => ({ text, ...taggedName(text) }));
    const passphrases = dockerPassphrases(ui);
    const access = { server: options.server, ui };
    const use = { insecure: options["insecure-registry"], warn: (text: string) => ui.warn(text), acceptUnsigned: true };
    const outcomes = await forEachImage(images, ({ name, tag }) =>
      signOne(name, tag, { pin, passphrases, access, use }),
    );
    if (options.json === true) ui.printJson(outcomes.map(asJson));
    else for (const outcome of outcomes) show(outcome, ui);
    return worstExitCode(outcomes);
  },
});

/** A signature is about a tag, and nobody should find out afterwards which one was meant. */
function taggedName(text: string): { readonly name: ImageName; readonly tag: string } {
  const name = parseImageName(text);
  if (name.tag === undefined) {
    throw new CliError("CLI_USAGE", `no tag specified for ${text}`, {
      hint: "Write IMAGE:TAG, or IMAGE:TAG@DIGEST to sign a digest under a tag.",
    });
  }
  return { name, tag: name.tag };
}

async function signOne(
  name: ImageName,
  tag: string,
  {
    pin,
    passphrases,
    access,
    use,
  }: {
    readonly pin: Pin;
    readonly passphrases: PassphraseSource;
    readonly access: ImageAccess;
    readonly use: RegistryUse;
  },
): Promise<Signed> {
  const { descriptor, manifest, bytes } = await fetchManifest(name, name.digest ?? tag, use);
  const digest = name.digest ?? digestOf(bytes);
  const { trustDir, lastSeen } = ownPlaces();
  const warn = (text: string): void => access.ui.warn(text);
  const keys = openKeyRing(new KeyStore(trustDir, { onWarning: warn }), { warn });
  const place = { trustDir, lastSeen, pins: pinsFor(name, pin), keys, passphrases };
  const image = { tag, digest, size: descriptor.size };
  const signed = await explainingUnpinned(name, access, () => {
    return withImageCollection(name, access, place, (collection) => collection.signImage(image), "pull,push");
  });
  const platforms =
    manifest.kind === "index"
      ? manifest.manifests
          .filter((entry) => !isAttestation(entry))
          .flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]))
      : undefined;
  return { ...signed, mediaType: descriptor.mediaType, platforms };
}

async function fetchManifest(name: ImageName, reference: string, use: RegistryUse): Promise<FetchedManifest> {
  const registry = await registryOf(name, use);
  try {
    return await registry.getManifest(name.path, reference);
  } finally {
    registry.close();
  }
}

/** From the environment, else asked for on the terminal; the answer for one key is tried on the next of that role. */
export function dockerPassphrases(ui: Ui): PassphraseSource {
  return firstOf(
    fromEnvironment("docker"),
    cachedByRole(askPassphrases((text) => ui.ask(text), { called: dockerRoleName })),
    async ({ role, create, attempt }) => {
      if (attempt > 0 || process.stdin.isTTY) return undefined;
      throw new CliError(
        "CLI_PASSPHRASE",
        `there is no terminal to ask for the passphrase of the ${create ? "new " : ""}${dockerRoleName(role)} key on`,
        { hint: `Set ${environmentVariable("docker", role)}.` },
      );
    },
  );
}

function show(outcome: Outcome<Signed>, ui: Ui): void {
  if ("error" in outcome) {
    ui.fail(outcome.error, outcome.image);
    return;
  }
  const { gun, tag, digest, platforms, roles, released, previousDigest, initialized, rootKeyIds } = outcome.result;
  const moved = previousDigest !== undefined && previousDigest !== digest;
  ui.print(
    [
      `${ui.emphasise("green", "signed")} ${outcome.image}`,
      `  digest   ${digest}${platforms && platforms.length > 0 ? ` (${platforms.join(", ")})` : ""}`,
      ...(moved ? [`  before   ${previousDigest}`] : []),
      `  roles    ${roles.join(", ")}`,
      ...(initialized ? [`  root     ${rootKeyIds.join(", ")}`] : []),
      "",
    ].join("\n"),
  );
  if (initialized) {
    ui.note(`${gun} is a new collection: keep a copy of its root key, which is in ${ownPlaces().trustDir}/private`);
    ui.note(`consumers pin it with: countersign verify --root-key ${rootKeyIds.join(" --root-key ")} IMAGE`);
  }
  if (!released) {
    ui.warn(`${tag} is not released: consumers take what targets/releases signs, and its key is not here`);
  }
}

function asJson(outcome: Outcome<Signed>): unknown {
  const { image } = outcome;
  return "error" in outcome
    ? { image, signed: false, error: errorAsJson(outcome.error) }
    : { image, signed: true, ...outcome.result };
}
