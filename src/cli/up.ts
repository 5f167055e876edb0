import { once } from "node:events";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { parseListenAddress } from "../http/listener.ts";
import { createLogger } from "../http/logger.ts";
import { CliError } from "./errors.ts";
import { nativeCommand } from "./nativeCommand.ts";
import { startSite } from "./site.ts";
import type { Site } from "./site.ts";
import type { Ui } from "./ui.ts";

const defaultAddress = "127.0.0.1:4443";

const help = `Start the trust server and its signing service on this machine, in one process.

Usage: countersign up [--data DIR] [--listen HOST:PORT] [--http]

  --data DIR           where everything is kept: metadata, the signing service's encrypted keys with their passphrase
                       file, and the certificate authority. One process at a time can use it.
                       Default: $XDG_DATA_HOME/countersign, else ~/.local/share/countersign
  --listen HOST:PORT   the address to listen on; \`:4443\` means all interfaces, port 0 a free port.
                       Default: ${defaultAddress}
  --http               plain HTTP instead of HTTPS with an own certificate authority; Docker itself only speaks HTTPS to
                       a trust server, so this is for use behind a proxy
  --verbose            log every request to stderr
  --help               show this text

Settings of the trust server come from the environment, e.g. COUNTERSIGN_SERVER_BODY_LIMIT (bytes of the largest upload) or
COUNTERSIGN_SERVER_GUN_PREFIXES; an unknown one is refused with the list of those there are.

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
    ui.print(welcome(site, data, ui));
    await stopSignal();
    ui.note("countersign: stopping, running requests may end");
    await site.close();
    return 0;
  },
});

function defaultData(): string {
  const { XDG_DATA_HOME: base = "" } = process.env;
  return join(isAbsolute(base) ? base : join(homedir(), ".local/share"), "countersign");
}

/** What to type next, so that nobody has to look it up. */
function welcome({ url, authorityFile }: Site, data: string, ui: Ui): string {
  const ready = `${ui.emphasise("green", "ready")} at ${ui.emphasise("bold", url)}, data in ${data}\n`;
  if (authorityFile === undefined) {
    return `${ready}\nThis is plain HTTP: put a proxy that speaks HTTPS in front of it before Docker uses it.\n`;
  }
  const directory = `~/.docker/tls/${new URL(url).host}`;
  return `${ready}
Type this once, so that Docker trusts this server's certificate:

  mkdir -p ${directory}
  cp ${quoted(authorityFile)} ${directory}/ca.crt

and this in every shell that is to sign what it pushes and verify what it pulls:

  export DOCKER_CONTENT_TRUST=1
  export DOCKER_CONTENT_TRUST_SERVER=${url}

Notary's client takes --server ${url} --tlscacert ${quoted(authorityFile)}
`;
}

/** Safe to paste into a shell. */
function quoted(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** The first signal asks us to stop; a second one ends the process at once, as it would without us. */
async function stopSignal(): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  await Promise.race([once(process, "SIGINT", { signal }), once(process, "SIGTERM", { signal })]);
  stop.abort();
}
