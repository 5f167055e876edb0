/** `npm run docs:errors`: writes docs/reference/errors.md anew. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorReference } from "./errorReference.ts";

const directory = join(import.meta.dirname, "../../docs/reference");
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "errors.md"), await errorReference());
