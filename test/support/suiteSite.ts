import { before } from "node:test";
import { startCountersign } from "./countersign.ts";
import type { RunningCountersign, UpOptions } from "./countersign.ts";
import { suiteScope } from "./suiteScope.ts";

/** A site that all tests of the suite use in which this is called, over plain HTTP. It is there once they begin. */
export function suiteSite(options: UpOptions = {}): Pick<RunningCountersign, "host" | "url"> {
  const suite = suiteScope();
  let site: RunningCountersign;
  before(async () => {
    site = await startCountersign(suite, { ...options, args: ["--http", ...(options.args ?? [])] });
  });
  return {
    get host() {
      return site.host;
    },
    get url() {
      return site.url;
    },
  };
}
