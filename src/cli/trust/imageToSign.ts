import { existsSync } from "node:fs";
import { DockerConfig, dockerConfigDirectory } from "../../oci/dockerConfig.ts";
import { digestOf } from "../../oci/digest.ts";
import { engineSocket } from "../../oci/engineApi.ts";
import { EnginePush } from "../../oci/enginePush.ts";
import { repositoryName } from "../../oci/imageName.ts";
import type { ImageName } from "../../oci/imageName.ts";
import { decodeHex } from "../../tuf/encoding.ts";
import type { FileMeta } from "../../tuf/hash.ts";
import { registryOf } from "../registryImages.ts";
import type { Invocation } from "./program.ts";
import { PushScreen } from "./pushScreen.ts";

/** An image that is to be in the registry before its tag is signed. */
export interface ImageToSign {
  /** @throws OciError with Docker's sentence when there is no such image */
  require(): Promise<void>;
  /** Brings it to the registry if it is not there. @returns what is to be signed */
  push(): Promise<FileMeta>;
}

/**
 * The engine's image of that name; where no engine is installed, the registry's. With `--local` only an engine will do.
 * Neither is looked for before it is needed.
 */
export function findImage(image: ImageName, text: string, invocation: Invocation): ImageToSign {
  let found: ImageToSign | undefined;
  const find = (): ImageToSign => {
    const socket = engineSocket();
    const from = existsSync(socket) || invocation.flags.bool("local") ? engineImage : registryImage;
    return (found ??= from(image, text, { socket, ...invocation }));
  };
  return { require: async () => await find().require(), push: async () => await find().push() };
}

function engineImage(
  image: ImageName,
  text: string,
  { socket, ui }: Pick<Invocation, "ui"> & { readonly socket: string },
): ImageToSign {
  const withEngine = async <T>(work: (engine: EnginePush) => Promise<T>): Promise<T> => {
    const engine = new EnginePush(socket);
    try {
      return await work(engine);
    } finally {
      engine.close();
    }
  };
  return {
    require: () => withEngine((engine) => engine.requireImage(text)),
    push: () =>
      withEngine(async (engine) => {
        ui.note(`Signing and pushing trust data for local image ${text}, may overwrite remote trust data`);
        const credentials = await (await DockerConfig.load(dockerConfigDirectory())).credentials(image.domain);
        const screen = new PushScreen(ui, process.stdout.isTTY);
        const pushed = await engine.push(image, credentials, screen.show);
        if (pushed === undefined || pushed.tag !== image.tag) {
          throw new Error(`failed to sign ${repositoryName(image)}:${image.tag}: no hashes specified for target`);
        }
        return meta(pushed.digest, pushed.size);
      }),
  };
}

function registryImage(
  image: ImageName,
  text: string,
  { socket, ui, log }: Pick<Invocation, "ui" | "log"> & { readonly socket: string },
): ImageToSign {
  const fetch = async (): Promise<FileMeta> => {
    const registry = await registryOf(image, {
      insecure: [],
      warn: (warning) => log.warning(warning),
      acceptUnsigned: true,
    });
    try {
      const { bytes } = await registry.getManifest(image.path, image.tag ?? "");
      return meta(digestOf(bytes), bytes.byteLength);
    } finally {
      registry.close();
    }
  };
  let found: Promise<FileMeta> | undefined;
  return {
    require: async () => {
      await (found ??= fetch());
    },
    push: async () => {
      const { length, hashes } = await (found ??= fetch());
      ui.note(
        `No Docker engine at ${socket}: signing ${text} as it is in the registry, may overwrite remote trust data`,
      );
      const digest = Buffer.from(hashes.get("sha256") ?? []).toString("hex");
      ui.print(`${image.tag}: digest: sha256:${digest} size: ${length}\n`);
      return { length, hashes };
    },
  };
}

function meta(digest: string, length: number): FileMeta {
  const sha256 = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  const bytes = sha256 === undefined ? undefined : decodeHex(sha256);
  if (bytes === undefined) throw new Error(`${digest} cannot be signed: it is not a sha256 digest`);
  return { length, hashes: new Map([["sha256", bytes]]) };
}
