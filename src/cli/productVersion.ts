import { existsSync, readFileSync } from "node:fs";

/** The version in our package.json. */
export function productVersion(): string {
  return (JSON.parse(readFileSync(packageFile(), "utf8")) as { version: string }).version;
}

/** Our package.json, which is above this file at a depth that depends on how the program was built. */
export function packageFile(): URL {
  let file = new URL("../package.json", import.meta.url);
  while (!existsSync(file)) {
    const above = new URL("../package.json", file);
    if (above.href === file.href) throw new Error("package.json is missing: the installation is incomplete");
    file = above;
  }
  return file;
}
