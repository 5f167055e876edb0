import { hostname } from "node:os";
import { CertificateAuthority } from "../http/certificateAuthority.ts";
import { listen } from "../http/listener.ts";
import type { Listener } from "../http/listener.ts";
import type { Logger } from "../http/logger.ts";
import { siteRouter } from "./siteRouter.ts";
import { openSiteServices } from "./siteServices.ts";
import { readSiteSettings } from "./siteSettings.ts";

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
 * How long one request may take, in milliseconds: the largest layer over the slowest line. Bodies without progress are cut by the
 * services, and so are bodies held in memory that take too long.
 */
const requestMs = 24 * 60 * 60_000;

/**
 * Starts registry, trust server and signing service over one data directory, which no other process can use meanwhile.
 * @throws what readSiteSettings and openSiteServices throw; HttpError HTTP_LISTEN, HTTP_CERTIFICATE
 */
export async function startSite({ data, host, port, plainHttp, logger, environment }: SiteOptions): Promise<Site> {
  const settings = readSiteSettings(environment);
  let url = "";
  const services = await openSiteServices({ data, settings, logger, address: () => new URL(url).host });
  try {
    const isWildcard = wildcardHosts.includes(host);
    const hosts = [...new Set([...(isWildcard ? [] : [host]), "localhost", "127.0.0.1", "::1", hostname()])];
    const authority = plainHttp ? undefined : await CertificateAuthority.open({ directory: data, now: new Date() });
    const tls = await authority?.serverCertificate(hosts, new Date());
    const listener = await listen({ handler: siteRouter(services), host, port, tls, limits: { requestMs } });
    url = isWildcard ? listener.url.replace(/\/\/.*:/, "//localhost:") : listener.url;
    const renewal = setInterval(() => renew(authority, hosts, listener, logger), certificateCheckMs).unref();
    return {
      url,
      authorityFile: authority?.certificateFile,
      async close() {
        clearInterval(renewal);
        await listener.close();
        await services.close();
      },
    };
  } catch (error) {
    await services.close();
    throw error;
  }
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
