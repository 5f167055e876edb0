import { parseImageName } from "../../oci/imageName.ts";
import { inspectCollection } from "../../trust/inspect.ts";
import type { Inspection } from "../../trust/inspect.ts";
import { renderInspectJson, renderInspectPretty } from "../../trust/inspectText.ts";
import { TrustClient } from "./client.ts";
import { collectionFailure } from "./failure.ts";
import type { Action, Invocation } from "./program.ts";

/** `docker trust inspect IMAGE… [--pretty]` */
export const inspect: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const client = new TrustClient(invocation);
  if (flags.bool("pretty")) {
    for (const [at, name] of args.entries()) {
      const text = renderInspectPretty(await look(name, client, invocation));
      ui.print(at < args.length - 1 ? `${text}\n\n` : text);
    }
    return;
  }
  const inspections: Inspection[] = [];
  const failures: string[] = [];
  for (const name of args) {
    try {
      inspections.push(await look(name, client, invocation));
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  ui.print(renderInspectJson(inspections));
  if (failures.length > 0) throw new Error(failures.join("\n"));
};

async function look(name: string, client: TrustClient, { log }: Invocation): Promise<Inspection> {
  const image = parseImageName(name);
  return await client.withCollection(image, "pull", async (collection) => {
    try {
      const tag = image.digest === undefined ? image.tag : undefined;
      return inspectCollection(await collection.update(), { name, tag });
    } catch (error) {
      log.debug(collectionFailure(name, error).message);
      throw new Error(`no signatures or cannot access ${name}`, { cause: error });
    }
  });
}
