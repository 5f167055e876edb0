/** What `notary` asks on a terminal, with the original's words, and that secrets typed there never show. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { countersign } from "../support/countersign.ts";
import { requireTerminal, runOnTerminal } from "../support/terminal.ts";
import type { Dialogue } from "../support/terminal.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const notary = `'${process.execPath}' '${join(import.meta.dirname, "../../src/cli/main.ts")}' notary`;
const oldQuestion = /^Enter passphrase for root key with ID .*: $/m;
const newQuestion = /^Enter passphrase for new .*: $/m;
const repeatQuestion = /^Repeat passphrase for new .*: $/m;

const rootNotice = `You are about to create a new root signing key passphrase. This passphrase
will be used to protect the most sensitive key in your signing system. Please
choose a long, complex passphrase and be careful to keep the password and the
key file itself secure and backed up. It is highly recommended that you use a
password manager to generate the passphrase and keep it safe. There will be no
way to recover this key. You can find the key in your config directory.
`;

test("keys are made, opened, re-encrypted and removed by typed answers", async (t) => {
  if (!requireTerminal(t)) return;
  const home = temporaryDirectory(t);
  const type = async (args: string, dialogue: Dialogue): Promise<string> => {
    const { screen, code } = await runOnTerminal(`${notary} ${args}`, dialogue, { cwd: home, env: { HOME: home } });
    return `${screen}exit ${code}`
      .replaceAll(/[0-9a-f]{64}/g, "<id>")
      .replaceAll(/with ID [0-9a-f]{7}/g, "with ID <id>");
  };

  assert.equal(
    await type("key generate", [
      [newQuestion, "first passphrase"],
      [repeatQuestion, "first passphrase"],
    ]),
    `${rootNotice}Enter passphrase for new root key with ID <id>: 
Repeat passphrase for new root key with ID <id>: 
Generated new ecdsa root key with keyID: <id>
exit 0`,
  );
  const [id = ""] = readdirSync(join(home, ".notary/private")).map((name) => name.replace(/\.key$/, ""));

  assert.equal(
    await type(`key passwd ${id}`, [
      [oldQuestion, "a wrong one"],
      [oldQuestion, "first passphrase"],
      [newQuestion, "short"],
      [newQuestion, "second passphrase"],
      [repeatQuestion, "not the same"],
      [newQuestion, "second passphrase"],
      [repeatQuestion, "second passphrase"],
    ]),
    `Enter passphrase for root key with ID <id>: 
Passphrase incorrect. Please retry.
Enter passphrase for root key with ID <id>: 
${rootNotice}Enter passphrase for new root key with ID <id>: 
Passphrase is too short. Please use a password manager to generate and store a good random passphrase.
Enter passphrase for new root key with ID <id>: 
Repeat passphrase for new root key with ID <id>: 
Passphrases do not match. Please retry.
Enter passphrase for new root key with ID <id>: 
Repeat passphrase for new root key with ID <id>: 

Successfully updated passphrase for key ID: <id>
exit 0`,
  );

  const question = "Enter passphrase for root key with ID <id>: \n";
  assert.equal(
    await type(
      `key passwd ${id}`,
      Array.from({ length: 4 }, () => [oldQuestion, "first passphrase"] as const),
    ),
    `${Array.from({ length: 4 }, () => question).join("Passphrase incorrect. Please retry.\n")}
* fatal: could not retrieve local key for key ID provided: <id>
exit 1`,
  );

  const removal = `\nAre you sure you want to remove <id> (role root) from ${home}/.notary/private?  (yes/no)  `;
  assert.equal(
    await type(`key remove ${id}`, [[/\(yes\/no\) {2}$/, "no"]]),
    `${removal}no\n\nAborting action.\n\nexit 0`,
  );
  assert.equal(
    await type(`key remove ${id}`, [[/\(yes\/no\) {2}$/, "yes"]]),
    `${removal}yes\n\nDeleted <id> (role root) from ${home}/.notary/private.\n\nexit 0`,
  );
  assert.deepEqual(readdirSync(join(home, ".notary/private")), []);
});

test("editing keys work while a passphrase is typed, and an interrupt ends the program", async (t) => {
  if (!requireTerminal(t)) return;
  const home = temporaryDirectory(t);
  const options = { cwd: home, env: { HOME: home } };
  const { code } = await runOnTerminal(
    `${notary} key generate -r bob`,
    [
      [newQuestion, "wrong start\u0015passphrasé!\u007f\u007fe-1"],
      [repeatQuestion, "passphrase-1"],
    ],
    options,
  );
  assert.equal(code, 0);
  const interrupted = await runOnTerminal(`${notary} key generate -r eve`, [[newQuestion, "pass\u0003"]], options);
  assert.equal(interrupted.code, 130);
  assert.equal(readdirSync(join(home, ".notary/private")).length, 1);
});

test("without a terminal there are no questions, and no key", async (t) => {
  const home = temporaryDirectory(t);
  const result = await countersign(["notary", "key", "generate"], { env: { HOME: home }, input: "a passphrase\n" });
  assert.equal(
    result.stdout,
    "\n* fatal: Failed to create a new root key: maximum number of passphrase attempts exceeded\n",
  );
  assert.equal(result.code, 1);
});
