import { RegistryClient, type RegistryClientOptions } from "../../src/oci/registryClient.ts";
import { startScriptedServer, type ReceivedRequest, type ScriptedServer } from "./scriptedServer.ts";
import type { ServerResponse } from "node:http";
import type { Scope } from "./temporaryDirectory.ts";

/** What a scripted registry answers; the ping is answered for it. */
export type RegistryScript = (request: ReceivedRequest, response: ServerResponse) => void;

export interface ScriptedRegistry {
  readonly server: ScriptedServer;
  readonly client: RegistryClient;
  /** The lines of all requests but the ping. */
  lines(): string[];
}

/** A registry that answers as a test says, and a client for it that does not wait between attempts. */
export async function startScriptedRegistry(
  t: Scope,
  script: RegistryScript,
  options: Partial<RegistryClientOptions> = {},
): Promise<ScriptedRegistry> {
  const server = await startScriptedServer(t, (request, response) => {
    if (request.line === "GET /v2/") {
      response.end("{}");
    } else {
      script(request, response);
    }
  });
  const client = new RegistryClient({
    domain: new URL(server.url).host,
    retry: { wait: async () => {} },
    ...options,
  });
  t.after(() => client.close());
  return { server, client, lines: () => server.lines().filter((line) => line !== "GET /v2/") };
}
