import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeFileAtomic } from "../../keys/atomicFile.ts";
import { dockerConfigDirectory } from "../../oci/dockerConfig.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { packageFile } from "../productVersion.ts";
import type { Ui } from "../ui.ts";

const help = `Give Docker's own command line our commands, as plugins.

Usage: countersign trust install-plugin

Puts two small programs into the directory cli-plugins of Docker's configuration directory (DOCKER_CONFIG, else ~/.docker),
which start this program with this Node.js:

  docker-countersign  makes \`docker countersign COMMAND\` the same as \`countersign COMMAND\`
  docker-trust        makes \`docker trust\` work where Docker no longer has it: from version 29 on. Earlier versions have it built
                      in, and a built-in command goes first; there, use \`docker countersign trust\`

Plugins of other origin are not replaced. Run it again after this program or Node.js has moved. To undo, remove the two files.

Exit code: 0 installed, 2 wrong usage, 1 anything else.

Example:
  $ countersign trust install-plugin
  $ docker countersign trust inspect --pretty registry.example/team/app
`;

/** The plugins' names. Docker starts \`docker-NAME\` for \`docker NAME\`. */
const plugins = ["docker-trust", "docker-countersign"] as const;
/** In every plugin of ours, so that we replace no other. */
const mark = "made by: countersign trust install-plugin";
/** The first version of Docker's command line without a \`trust\` of its own. */
const firstWithoutTrust = 29;
const versionTimeout = 5000;

/** `countersign trust install-plugin` */
export const installPlugin = nativeCommand({
  help,
  options: {},
  run: async ({ args, ui }) => {
    if (args.length > 0) throw new CliError("CLI_USAGE", "install-plugin takes no arguments");
    if (process.platform === "win32") {
      throw new CliError("CLI_PLUGIN", "Docker's command line takes only .exe files as plugins on Windows", {
        hint: "Use countersign trust, or Docker in WSL.",
      });
    }
    const directory = join(dockerConfigDirectory(), "cli-plugins");
    const files = plugins.map((name) => ({ name, path: join(directory, name) }));
    for (const { path } of files) await refuseStranger(path);
    for (const { name, path } of files) {
      await inDirectory(path, async () => {
        await mkdir(directory, { recursive: true });
        await writeFileAtomic(path, launcher(name), 0o755);
      });
      ui.print(`installed ${path}\n`);
    }
    await tellWhatDockerDoes(ui);
    return 0;
  },
});

async function refuseStranger(path: string): Promise<void> {
  const content = await inDirectory(path, () => readIfThere(path));
  if (content === undefined || content.includes(mark)) return;
  throw new CliError("CLI_PLUGIN", `${path} is there already, and not ours`, { hint: "Remove it first, or keep it." });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function inDirectory<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CliError("CLI_PLUGIN", `cannot install ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Not a link to our program: that would run with whatever Node.js is first on the PATH of whoever calls Docker. */
function launcher(name: string): string {
  const program = fileURLToPath(new URL("bin/countersign.mjs", packageFile()));
  return `#!/bin/sh
# A plugin of Docker's command line, ${mark}
node=${shellQuoted(process.execPath)}
[ -x "$node" ] || node=node
exec "$node" ${shellQuoted(program)} ${name} "$@"
`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function tellWhatDockerDoes(ui: Ui): Promise<void> {
  const version = await dockerVersion();
  const major = Number.parseInt(version ?? "", 10);
  if (version === undefined) {
    ui.note("docker is not on the PATH; where it is, the plugins will be found");
  } else if (major < firstWithoutTrust) {
    ui.note(`docker ${version} has its own docker trust, which goes first: use docker countersign trust`);
  } else {
    ui.note(`docker ${version} has no docker trust of its own: docker trust is ours now`);
  }
}

/** The version of the `docker` on the PATH; undefined when there is none that tells. */
async function dockerVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("docker", ["--version"], { timeout: versionTimeout });
    return /version ([0-9][^\s,]*)/.exec(stdout)?.[1];
  } catch {
    return undefined; // Not installed, or too slow: it is a note only.
  }
}
