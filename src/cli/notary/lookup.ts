import { printableName } from "../../transport/printable.ts";
import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";
import { hexSha256 } from "./list.ts";

/** `notary lookup GUN NAME` */
export const lookup: Action = async (invocation) => {
  const [gun, name] = invocation.args;
  if (gun === undefined || name === undefined) {
    throw new UsageMistake("Must specify a GUN and target", { showsUsage: true });
  }
  const collection = await new NotaryClient(invocation).collection(gun, "pull");
  const target = await collection.findTarget(name);
  invocation.ui.print(`${printableName(target.name)} sha256:${hexSha256(target.meta.hashes)} ${target.meta.length}\n`);
};
