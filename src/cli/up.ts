import { once } from "node:events";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { parseListenAddress } from "../http/listener.ts";
import { createLogger } from "../http/logger.ts";
import { CliError } from "./errors.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { startSite } from "./site.ts";
import { releaseStartupMemory } from "./startupMemory.ts";
import { welcome } from "./welcome.ts";

const defaultAddress = "127.0.0.1:4443";
const anyInterface: readonly string[] = ["0.0.0.0", "::"];

const help = `Start a registry and its trust server with the signing service on this machine, in one process on one address.

Usage: countersign up [--data DIR] [--listen HOST:PORT] [--http]

  --data DIR           where everything is kept: images, metadata, the signing service's encrypted keys with their
                       passphrase file, and the certificate authority. One process at a time can use it.
                       Default: $XDG_DATA_HOME/countersign, else ~/.local/share/countersign
  --listen HOST:PORT   the address to listen on; \`:4443\` means all interfaces, port 0 a free port.
                       Default: ${defaultAddress}
                       There is no login: whoever reaches the address can push, delete and publish. For more than
                       this machine put a proxy with logins before it
  --http               plain HTTP instead of HTTPS with an own certificate authority; Docker itself only speaks HTTPS to
                       a trust server, so this is for use behind a proxy
  --verbose            log every request to stderr
  --help               show this text

Settings come from the environment, an unknown one is refused with the list of those there are. Two of them:

  COUNTERSIGN_SIGNED_ONLY_REPOSITORIES="prod/* lab/*=alice"
                       repositories that serve only what is signed, those below lab/ only what alice has signed
  COUNTERSIGN_SERVER_GUN_PREFIXES="registry.example/team/"
                       the collections that the trust server holds

It is ready when GET /healthz answers 200, and stops on SIGINT or SIGTERM after the running requests have ended.

Example:
  $ countersign up --data ./trust --listen 127.0.0.1:4443
`;

/** `countersign up` */
export const up = nativeCommand({
  help,
  options: {
    data: { type: "string" },
    listen: { type: "string" },
    http: { type: "boolean" },
    verbose: { type: "boolean" },
  },
  run: async ({ options, args, ui }) => {
    if (args.length > 0) throw new CliError("CLI_USAGE", `up takes no arguments, but got ${JSON.stringify(args[0])}`);
    const { host, port } = parseListenAddress(options.listen ?? defaultAddress);
    const data = resolve(options.data ?? defaultData());
    const site = await startSite({
      data,
      host,
      port,
      plainHttp: options.http === true,
      environment: process.env,
      logger: createLogger({ level: options.verbose === true ? "info" : "warning" }),
    });
    // Before anybody is told that there is something to stop.
    const stopped = stopSignal();
    ui.print(welcome({ site, data, isForOthers: anyInterface.includes(host) }, ui));
    releaseStartupMemory();
    await stopped;
    ui.note("countersign: stopping, running requests may end");
    await site.close();
    return 0;
  },
});

function defaultData(): string {
  const { XDG_DATA_HOME: base = "" } = process.env;
  return join(isAbsolute(base) ? base : join(homedir(), ".local/share"), "countersign");
}

/** The first signal asks us to stop; a second one ends the process at once, as it would without us. */
async function stopSignal(): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  await Promise.race([once(process, "SIGINT", { signal }), once(process, "SIGTERM", { signal })]);
  stop.abort();
}
