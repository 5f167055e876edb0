import type { PushReport } from "../../oci/enginePush.ts";
import type { Ui } from "../ui.ts";

/** Shows what an engine reports as Docker does: a line for each layer, kept up to date on a terminal, else without progress. */
export class PushScreen {
  readonly #ui: Pick<Ui, "print">;
  readonly #terminal: boolean;
  /** The layers of the lines that are being kept up to date, from the top. */
  readonly #layers: string[] = [];

  constructor(ui: Pick<Ui, "print">, terminal: boolean) {
    this.#ui = ui;
    this.#terminal = terminal;
  }

  readonly show = ({ id, status, progress }: PushReport): void => {
    const line = `${id === undefined ? "" : `${id}: `}${status}`;
    if (!this.#terminal) {
      if (progress === undefined) this.#ui.print(`${line}\n`);
      return;
    }
    if (id === undefined) {
      this.#layers.length = 0;
      this.#ui.print(`${line}\n`);
      return;
    }
    if (!this.#layers.includes(id)) {
      this.#layers.push(id);
      this.#ui.print("\n");
    }
    const up = this.#layers.length - this.#layers.indexOf(id);
    const down = up > 1 ? `\x1b[${up - 1}B` : "";
    const shown = progress === undefined ? line : `${line} ${progress}`;
    // As bytes, which are written as they are; the engine's words in it are printable already.
    this.#ui.print(Buffer.from(`\x1b[${up}A\x1b[2K\r${shown}\n${down}`));
  };
}
