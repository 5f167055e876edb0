import { writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { freePort, startService } from "./childProgram.ts";
import type { Service } from "./childProgram.ts";
import { peerPath } from "./peers.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";

export interface NotaryServerOptions {
  /** PEM files of the server's certificate and key; plain HTTP without them. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
  /** Merged into the server's JSON configuration at the top level. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface NotaryServer extends Service {
  readonly url: string;
}

/** Starts the original trust server with its memory store and local signer. */
export async function startNotaryServer(t: Scope, options: NotaryServerOptions = {}): Promise<NotaryServer> {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  const { tls } = options;
  const config = {
    server: {
      http_addr: `127.0.0.1:${port}`,
      ...(tls && { tls_cert_file: tls.certificateFile, tls_key_file: tls.keyFile }),
    },
    trust_service: { type: "local" },
    storage: { backend: "memory" },
    logging: { level: "error" },
    ...options.config,
  };
  const file = join(directory, "server-config.json");
  writeFileSync(file, JSON.stringify(config));
  const url = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  const service = await startService(t, peerPath("notary-server"), ["-config", file], {
    env: { HOME: directory },
    ready: () => (tls ? answersOverTls(`${url}/_notary_server/health`) : answers(`${url}/_notary_server/health`)),
  });
  return { ...service, url };
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url)).ok;
}

/** Readiness only: the certificate is judged by the clients under test, not here. */
function answersOverTls(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    request(url, { rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on("error", () => resolve(false))
      .end();
  });
}
