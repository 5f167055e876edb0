import type { CopyProgress } from "../oci/copyImage.ts";

/** How a transfer is called while it runs, and when it is done. */
export interface TransferWords {
  readonly copying: string;
  readonly done: string;
  readonly present: string;
}

export const pushWords: TransferWords = { copying: "Pushing", done: "Pushed", present: "Layer already exists" };
export const pullWords: TransferWords = {
  copying: "Downloading",
  done: "Download complete",
  present: "Already exists",
};

/** Where progress is shown; a terminal is told from a file by `isTTY`. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Configurations are a few kilobytes: like Docker, only layers (and whatever else there is to move) are shown. */
const hiddenTypes: readonly string[] = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
];
const shownDigits = 12;
const widestBar = 50;
/** Milliseconds between two drawings. */
const drawingPause = 100;
const clearLine = "\x1b[2K";

/**
 * Shows how far each layer is, as Docker does. On a terminal there is one line for each layer that is moving, below those that
 * are done; elsewhere a plain line when a layer begins and when it ends.
 */
export class TransferProgress {
  readonly #stream: ProgressStream;
  readonly #words: TransferWords;
  readonly #now: () => number;
  /** What is moving, in the order begun. */
  readonly #moving = new Map<string, CopyProgress>();
  #waiting = 0;
  /** Lines drawn that can be drawn over. */
  #drawn = 0;
  #lastDrawing = Number.NEGATIVE_INFINITY;

  constructor(stream: ProgressStream, words: TransferWords, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#words = words;
    this.#now = now;
  }

  /** To be handed to copyImage. */
  readonly update = (progress: CopyProgress): void => {
    if (hiddenTypes.includes(progress.mediaType)) return;
    switch (progress.state) {
      case "waiting":
        this.#waiting += 1;
        return;
      case "copying":
        this.#move(progress);
        return;
      default:
        this.#settle(progress);
    }
  };

  /** Takes away what can be drawn over; to be called before anything else is shown. */
  clear(): void {
    this.#moving.clear();
    this.#redraw([]);
  }

  #move(progress: CopyProgress): void {
    const isNew = !this.#moving.has(progress.digest);
    this.#moving.set(progress.digest, progress);
    if (isNew) this.#waiting -= 1;
    if (this.#stream.isTTY === true) {
      if (isNew || this.#now() - this.#lastDrawing >= drawingPause) this.#redraw([]);
    } else if (isNew) {
      this.#stream.write(`${shortId(progress)}: ${this.#words.copying} ${humanSize(progress.size)}\n`);
    }
  }

  #settle(progress: CopyProgress): void {
    if (!this.#moving.delete(progress.digest)) this.#waiting -= 1;
    const line = `${shortId(progress)}: ${this.#outcome(progress)}`;
    if (this.#stream.isTTY === true) this.#redraw([line]);
    else this.#stream.write(`${line}\n`);
  }

  #outcome({ state }: CopyProgress): string {
    if (state === "mounted") return "Mounted from another repository";
    return state === "present" ? this.#words.present : this.#words.done;
  }

  /** Puts finished lines where the moving ones were, and those below. */
  #redraw(finished: readonly string[]): void {
    const columns = this.#stream.columns ?? 80;
    const room = Math.max(1, (this.#stream.rows ?? 24) - 2);
    const moving = [...this.#moving.values()].slice(0, room).map((progress) => this.#line(progress, columns));
    const waiting = this.#waiting > 0 && moving.length > 0 ? [`${this.#waiting} more waiting`] : [];
    const lines = [...finished, ...moving, ...waiting];
    const spare = Math.max(0, this.#drawn - lines.length);
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    const text = [...lines, ...Array.from({ length: spare }, () => "")].map((line) => `${clearLine}${line}\n`).join("");
    const back = spare > 0 ? `\x1b[${spare}A` : "";
    if (text !== "") this.#stream.write(`${up}${text}${back}`);
    this.#drawn = moving.length + waiting.length;
    this.#lastDrawing = this.#now();
  }

  #line(progress: CopyProgress, columns: number): string {
    const { transferred, size } = progress;
    const head = `${shortId(progress)}: ${this.#words.copying} `;
    const tail = ` ${humanSize(transferred)}/${humanSize(size)}`;
    const width = Math.min(widestBar, columns - head.length - tail.length - 3);
    return width < 5 ? `${head}${tail}`.slice(0, columns - 1) : `${head}[${bar(transferred / size, width)}]${tail}`;
  }
}

function bar(share: number, width: number): string {
  const filled = Math.min(width, Math.floor((Number.isFinite(share) ? share : 1) * width));
  return `${"=".repeat(filled)}${filled < width ? ">" : ""}`.padEnd(width);
}

function shortId({ digest }: CopyProgress): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, shownDigits);
}

/** As Docker writes sizes: powers of 1000, four significant digits. */
export function humanSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
