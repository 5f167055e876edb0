import { hostname } from "node:os";
import { join } from "node:path";
import type { RequestListener } from "node:http";
import { CertificateAuthority } from "../http/certificateAuthority.ts";
import { listen } from "../http/listener.ts";
import type { Listener } from "../http/listener.ts";
import type { Logger } from "../http/logger.ts";
import { optionsFromEnvironment } from "../http/environmentOptions.ts";
import { createTrustServer } from "../server/app.ts";
import type { TrustServer } from "../server/app.ts";
import { parseServerConfig } from "../server/config.ts";
import { SqliteStore } from "../server/sqliteStore.ts";
import { LocalSigningService } from "../signer/localSigningService.ts";
import { aliasFromFile } from "../signer/passphraseAliases.ts";
import { SqliteKeyTable } from "../signer/sqliteKeyTable.ts";

export interface SiteOptions {
  /** Everything the site keeps is in this directory. */
  readonly data: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Plain HTTP, for use behind a proxy that speaks TLS. */
  readonly plainHttp: boolean;
  readonly logger: Logger;
  /** Where settings of the services can come from. */
  readonly environment: NodeJS.ProcessEnv;
}

/** All services in one process on one port. */
export interface Site {
  /** `https://HOST:PORT` as clients can reach it. */
  readonly url: string;
  /** The authority clients have to trust; undefined with plain HTTP. */
  readonly authorityFile: string | undefined;
  /** Lets running requests end, then closes everything. */
  close(): Promise<void>;
}

const wildcardHosts: readonly string[] = ["0.0.0.0", "::"];
/** How often the server certificate is looked at, in milliseconds. */
const certificateCheckMs = 12 * 60 * 60_000;

/**
 * Starts trust server and signing service over one data directory, which no other process can use meanwhile.
 * @throws ServerError SERVER_STORE_OPEN, SERVER_CONFIG, KeysError, SignerError, HttpError HTTP_LISTEN,
 *   HTTP_CERTIFICATE, HTTP_ENVIRONMENT
 */
export async function startSite({ data, host, port, plainHttp, logger, environment }: SiteOptions): Promise<Site> {
  const config = optionsFromEnvironment("COUNTERSIGN_SERVER", parseServerConfig(), environment);
  // The store comes first: it holds the lock of the directory.
  const store = SqliteStore.open(join(data, "trust.db"));
  const closing: (() => Promise<void>)[] = [() => store.close()];
  try {
    const aliases = await aliasFromFile(join(data, "signer.passphrase"));
    const signing = new LocalSigningService({
      table: new SqliteKeyTable(join(data, "signer.db")),
      aliases,
      onWarning: (text, error) => logger.warn({ err: error }, text),
    });
    const trustServer = createTrustServer({ store, signing, config, logger });
    closing[0] = () => trustServer.close();
    const hosts = [
      ...new Set([...(wildcardHosts.includes(host) ? [] : [host]), "localhost", "127.0.0.1", "::1", hostname()]),
    ];
    const authority = plainHttp ? undefined : await CertificateAuthority.open({ directory: data, now: new Date() });
    const tls = await authority?.serverCertificate(hosts, new Date());
    const listener = await listen({ handler: routeTo(trustServer), host, port, tls });
    closing.unshift(() => listener.close());
    const renewal = setInterval(() => renew(authority, hosts, listener, logger), certificateCheckMs).unref();
    closing.unshift(async () => clearInterval(renewal));
    return {
      url: wildcardHosts.includes(host) ? listener.url.replace(/\/\/.*:/, "//localhost:") : listener.url,
      authorityFile: authority?.certificateFile,
      close: () => closeAll(closing),
    };
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
}

async function closeAll(closing: readonly (() => Promise<void>)[]): Promise<void> {
  for (const close of closing) await close();
}

function routeTo(trustServer: TrustServer): RequestListener {
  return (request, response) => {
    if (request.url !== "/healthz") return trustServer.listener(request, response);
    void trustServer.health.failures().then((failures) => {
      const status = failures.size === 0 ? 200 : 503;
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(
        `${JSON.stringify({ status: status === 200 ? "ok" : "failing", failures: Object.fromEntries(failures) })}\n`,
      );
    });
  };
}

function renew(
  authority: CertificateAuthority | undefined,
  hosts: readonly string[],
  listener: Listener,
  logger: Logger,
): void {
  authority
    ?.serverCertificate(hosts, new Date())
    .then((certificate) => listener.replaceCertificate(certificate))
    .catch((error: unknown) => logger.error({ err: error }, "the server certificate could not be renewed"));
}
