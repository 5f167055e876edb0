import type { RequestListener } from "node:http";
import { answer, send } from "../http/answer.ts";
import type { Health } from "../http/health.ts";
import { isRegistryPath } from "../registry/registryPath.ts";

/** A service as the router sees it. */
interface Service {
  readonly listener: RequestListener;
  readonly health: Health;
}

/**
 * Divides one address between registry and trust server: what holds `/_trust/`, and all that is not below `/v2/`, belongs to the
 * trust server. `GET /v2/` is asked by clients of both; the registry's answer has what either looks for. `/healthz` speaks for
 * everything.
 */
export function siteRouter({
  registry,
  trustServer,
}: Readonly<Record<"registry" | "trustServer", Service>>): RequestListener {
  return (request, response) => {
    const { url = "" } = request;
    if (url === "/healthz") {
      void failuresOf([trustServer.health, registry.health]).then((failures) => {
        const isWell = failures.size === 0;
        const body = { status: isWell ? "ok" : "failing", failures: Object.fromEntries(failures) };
        const headers = ["Cache-Control", "no-store"];
        send(request, response, answer(isWell ? 200 : 503, "application/json", `${JSON.stringify(body)}\n`, headers));
      });
    } else {
      (isRegistryPath(url) ? registry : trustServer).listener(request, response);
    }
  };
}

async function failuresOf(parts: readonly Health[]): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(parts.map((health) => health.failures()));
  return new Map(found.flatMap((failures) => [...failures]));
}
