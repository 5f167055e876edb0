import { createHash } from "node:crypto";

/** Content that both sides of the kill test can make: a repeated hash, of a length that the name decides unless it is given. */
export function seededContent(name: string, length?: number): Buffer {
  const seed = createHash("sha256").update(name).digest();
  return Buffer.alloc(length ?? 100 + (seed.readUInt32BE() % 40_000), seed);
}

/** What the killed process has told. */
export class KilledRegistryLog {
  /** By tag, what it may point to now; undefined is "nothing". */
  readonly tags = new Map<string, Set<string | undefined>>();
  /** Uploads that were begun and not ended: by ID the name of the content, and how many bytes were acknowledged. */
  readonly uploads = new Map<string, { readonly name: string; readonly held: number }>();
  acknowledged = 0;

  read(output: string): void {
    const complete = output.slice(0, output.lastIndexOf("\n") + 1);
    for (const line of complete.split("\n").filter((text) => text !== "")) {
      const [what = "", name = "", ...rest] = line.split(" ");
      this.#apply(what, name, rest.join(" "));
    }
  }

  #apply(what: string, name: string, rest: string): void {
    const digest = rest === "-" ? undefined : rest;
    switch (what) {
      case "begin":
        this.tags.set(name, (this.tags.get(name) ?? new Set([undefined])).add(digest));
        break;
      case "done":
        this.tags.set(name, new Set([digest]));
        this.acknowledged++;
        break;
      case "upload":
        this.uploads.set(name, { name: rest, held: 0 });
        break;
      case "held":
        this.uploads.set(name, { name: this.uploads.get(name)?.name ?? "", held: Number(rest) });
        break;
      case "ending":
        this.uploads.delete(name);
    }
  }
}
