/** The commands in docs/publishing.md, run as they stand there, one after another. */
import assert from "node:assert/strict";
import { renameSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import { ImageUser } from "../support/imageUser.ts";
import { sampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";

const project = join(import.meta.dirname, "../..");
const page = readFileSync(join(project, "docs/publishing.md"), "utf8");

describe("docs/publishing.md", () => {
  const site = suiteSite();

  test("every command in it does what a reader expects", async (t) => {
    const owner = new ImageUser(t, { COUNTERSIGN_BACKUP_PASSPHRASE: "a passphrase for the backup" });
    renameSync(await owner.layout(sampleImage()), join(owner.home, "layout"));
    const program = join(owner.home, "countersign");
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(project, "bin/countersign.mjs")}' "$@"\n`, {
      mode: 0o700,
    });
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
    assert.ok(blocks.length > 2, "the page has commands");
    for (const block of blocks) {
      const commands = block.replaceAll("registry.example", site.host);
      const env = { ...owner.env, PATH: `${owner.home}:${process.env["PATH"]}` };
      const result = await runProgram("sh", ["-e", "-c", commands], { cwd: owner.home, env });
      assert.equal(result.code, 0, `${commands}\n${result.stdout}\n${result.stderr}`);
    }
  });
});
