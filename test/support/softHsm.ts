import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "./childProgram.ts";
import { peerPath } from "./peers.ts";
import { temporaryDirectory, type Scope } from "./temporaryDirectory.ts";

/** Tokens in software. Their module reads its configuration when it is first loaded, so a process can have only one of these. */
export class SoftHsm {
  readonly pin = "1234-user-pin";
  readonly module: string;
  /** The variable by which the module finds the tokens; set in this process too. */
  readonly env: Readonly<Record<string, string>>;
  readonly #tokens: string;

  private constructor(module: string, directory: string, tokens: string) {
    this.module = module;
    this.env = { SOFTHSM2_CONF: join(directory, "softhsm2.conf") };
    this.#tokens = tokens;
  }

  /** Makes tokens of these labels. */
  static async create(t: Scope, labels: readonly string[]): Promise<SoftHsm> {
    const directory = temporaryDirectory(t);
    const tokens = join(directory, "tokens");
    mkdirSync(tokens);
    const settings = `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`;
    writeFileSync(join(directory, "softhsm2.conf"), settings);
    const hsm = new SoftHsm(modulePath(), directory, tokens);
    Object.assign(process.env, hsm.env);
    for (const label of labels) {
      await hsm.util("--init-token", "--free", "--label", label, "--so-pin", "5678-so-pin");
    }
    return hsm;
  }

  /** Runs `softhsm2-util` with the PIN. */
  async util(...args: string[]): Promise<void> {
    await runOk(peerPath("softhsm2-util"), [...args, "--pin", this.pin], { env: this.env });
  }

  /** Takes a token out of its slot, as far as software can: what is on it is gone. */
  unplug(label: string): void {
    for (const name of readdirSync(this.#tokens)) {
      const directory = join(this.#tokens, name);
      if (readFileSync(join(directory, "token.object")).includes(label)) rmSync(directory, { recursive: true });
    }
  }
}

/** Where Debian puts the module; the directory depends on the architecture. */
function modulePath(): string {
  const directories = ["/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
  const found = directories.map((directory) => `${directory}/softhsm/libsofthsm2.so`).find((path) => existsSync(path));
  if (found === undefined) throw new Error("softhsm2 is installed, and libsofthsm2.so is not where Debian puts it");
  return found;
}
