import { once } from "node:events";
import { request as openRequest } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { CertificateAuthority } from "../../src/http/certificateAuthority.ts";
import { unsignedContent } from "../../src/oci/unsignedContent.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";

/** Who may come in: the password, and whether only to read. */
export interface Login {
  readonly password: string;
  readonly mayPublish: boolean;
}

export interface LoginProxy {
  /** `host:port`, as images are named. */
  readonly host: string;
  /** The authority that clients have to trust. */
  readonly caFile: string;
  /** What lies behind it, over plain HTTP: `host:port`. */
  passTo(server: string): void;
}

/**
 * What an operator puts before a site: ends the encryption, asks for a name and a password, lets readers only read, and keeps to
 * publishers the header that has unsigned content served.
 */
export async function startLoginProxy(t: Scope, logins: Readonly<Record<string, Login>>): Promise<LoginProxy> {
  const directory = temporaryDirectory(t);
  const authority = await CertificateAuthority.open({ directory, now: new Date() });
  const { certificate, privateKey } = await authority.serverCertificate(["127.0.0.1"], new Date());
  let server = "";
  const proxy = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    const { method = "", url = "", headers } = request;
    const login = findLogin(logins, headers.authorization);
    const reads = method === "GET" || method === "HEAD";
    if (login === undefined || (!reads && !login.mayPublish)) {
      const status = login === undefined ? 401 : 403;
      response.writeHead(status, status === 401 ? { "www-authenticate": 'Basic realm="site"' } : {});
      response.end();
      request.resume();
      return;
    }
    const dropped = new Set(["authorization", ...(login.mayPublish ? [] : [unsignedContent.header])]);
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
    const upstream = openRequest(`http://${server}${url}`, { method, headers: kept, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    request.pipe(upstream);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const { port } = proxy.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    caFile: authority.certificateFile,
    passTo: (next) => (server = next),
  };
}

function findLogin(logins: Readonly<Record<string, Login>>, authorization: string | undefined): Login | undefined {
  const [scheme, text = ""] = (authorization ?? "").split(" ");
  const [name = "", password] = Buffer.from(text, "base64").toString().split(":");
  const login = logins[name];
  return scheme === "Basic" && login?.password === password ? login : undefined;
}
