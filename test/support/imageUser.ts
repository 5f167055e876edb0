import { join } from "node:path";
import { copyImage, LayoutDestination } from "../../src/oci/index.ts";
import type { RunResult } from "./childProgram.ts";
import { countersign } from "./countersign.ts";
import { dockerPassphrases, succeeded } from "./dockerUser.ts";
import { MemorySource } from "./sampleImage.ts";
import type { SampleImage } from "./sampleImage.ts";
import { temporaryDirectory, type Scope } from "./temporaryDirectory.ts";

/** A person who works with images at our command line, in an empty home directory. */
export class ImageUser {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  #layouts = 0;

  constructor(t: Scope, env: Readonly<Record<string, string>> = {}) {
    this.home = temporaryDirectory(t);
    this.env = { HOME: this.home, ...dockerPassphrases, ...env };
  }

  run(...args: readonly string[]): Promise<RunResult> {
    return countersign(args, { env: this.env, cwd: this.home });
  }

  /** Runs what must succeed, and reads what it prints with `--json`. */
  async json(command: string, ...args: readonly string[]): Promise<unknown> {
    return JSON.parse(succeeded(await this.run(command, "--json", ...args)).stdout);
  }

  /** Writes an image, with what refers to it, into a new layout and returns the directory. */
  async layout(image: SampleImage, referrers: readonly SampleImage[] = []): Promise<string> {
    const directory = join(this.home, `layout-${this.#layouts++}`);
    const destination = await LayoutDestination.open(directory, "sample");
    await copyImage(new MemorySource(image, referrers), destination, { referrers: true });
    await destination.close();
    return directory;
  }

  /** Pushes an image from a layout. */
  async push(image: SampleImage, name: string): Promise<void> {
    succeeded(await this.run("push", await this.layout(image), name));
  }
}
