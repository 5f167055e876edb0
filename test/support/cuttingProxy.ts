import { connect, createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import type { Scope } from "./temporaryDirectory.ts";

export interface CuttingProxy {
  /** `host:port` */
  readonly address: string;
  /** Cuts connections that carry more than so many bytes in a direction, as often as said. */
  cut(direction: "toServer" | "toClient", afterBytes: number, times: number): void;
  /** How many connections have been cut. */
  cuts(): number;
}

/** Passes connections on to a server of this machine, and breaks them off where a test says. */
export async function startCuttingProxy(t: Scope, server: string): Promise<CuttingProxy> {
  const port = Number(server.slice(server.lastIndexOf(":") + 1));
  let rule: { readonly direction: "toServer" | "toClient"; readonly afterBytes: number; times: number } | undefined;
  let cuts = 0;
  const proxy = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    const passOn = (from: typeof client, to: typeof client, direction: "toServer" | "toClient"): void => {
      let passed = 0;
      from.on("data", (chunk: Buffer) => {
        passed += chunk.byteLength;
        if (rule !== undefined && rule.times > 0 && rule.direction === direction && passed > rule.afterBytes) {
          rule.times -= 1;
          cuts += 1;
          // What came before the cut still arrives.
          to.write(chunk.subarray(0, Math.max(0, rule.afterBytes - (passed - chunk.byteLength))), () => {
            from.destroy();
            to.destroySoon();
          });
          return;
        }
        if (!to.write(chunk)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy()); // Cut connections end like this; that is what they are for.
      from.on("close", () => to.destroySoon());
    };
    passOn(client, upstream, "toServer");
    passOn(upstream, client, "toClient");
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close());
  return {
    address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut: (direction, afterBytes, times) => (rule = { direction, afterBytes, times }),
    cuts: () => cuts,
  };
}
