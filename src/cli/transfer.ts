import { copyImage } from "../oci/copyImage.ts";
import type { CopyOptions, CopyResult } from "../oci/copyImage.ts";
import type { ImageDestination } from "../oci/imageDestination.ts";
import type { ImageSource } from "../oci/imageSource.ts";
import { parsePlatform } from "../oci/platform.ts";
import { untilInterrupted } from "./interrupt.ts";
import { humanSize, TransferProgress } from "./transferProgress.ts";
import type { TransferWords } from "./transferProgress.ts";
import type { Ui } from "./ui.ts";

/** The options of every command that moves images. */
export const transferOptions = {
  platform: { type: "string" },
  quiet: { type: "boolean", short: "q" },
} as const;

export const transferOptionsHelp = `  --platform PLATFORM   only the image for this one, for example linux/arm64. Default: all`;

export interface TransferRequest {
  /** Places are closed when the transfer ends, however it does. */
  readonly from: (warn: (text: string) => void) => Promise<ImageSource>;
  readonly to: (warn: (text: string) => void) => Promise<ImageDestination>;
  readonly words: TransferWords;
  readonly platform: string | undefined;
  readonly referrers?: boolean;
  readonly quiet: boolean | undefined;
  readonly ui: Ui;
}

/**
 * Moves an image and shows how far it is. An interrupt stops it, leaves nothing unfinished behind, and ends the process as the
 * signal would have.
 */
export async function transfer({ from, to, words, ui, ...request }: TransferRequest): Promise<CopyResult> {
  const progress = new TransferProgress(ui.progressStream(), words);
  const warn = (text: string): void => {
    progress.clear();
    ui.warn(text);
  };
  return await untilInterrupted(async (signal) => {
    const options: CopyOptions = {
      platform: request.platform === undefined ? "all" : parsePlatform(request.platform),
      referrers: request.referrers ?? false,
      signal,
      ...(request.quiet !== true && { onProgress: progress.update }),
    };
    const source = await from(warn);
    try {
      const destination = await to(warn);
      try {
        return await copyImage(source, destination, options);
      } finally {
        progress.clear();
        await destination.close();
      }
    } finally {
      await source.close();
    }
  });
}

/** What was moved, for people. */
export function describeTransfer({ blobs, present, bytes }: CopyResult): string {
  return `${blobs - present} of ${blobs} blobs, ${humanSize(bytes)}${present > 0 ? "; the others were there" : ""}`;
}
