import assert from "node:assert/strict";
import { test } from "node:test";
import { notaryProgram } from "../notary/program.ts";
import { completionRequest } from "./complete.ts";

const offerFiles = ":0";
const noFiles = ":4";

/** What is on the command line, the last word being the one typed, and the candidates for it. */
const cases: Readonly<Record<string, readonly [words: string[], candidates: string[], directive: string]>> = {
  "commands by their beginning": [["li"], ["list"], noFiles],
  "commands behind flags and their values": [["-s", "list", "-v", "lo"], ["lookup"], noFiles],
  "commands of a group": [["delegation", ""], ["add", "list", "purge", "remove"], noFiles],
  "long flags by their beginning": [["list", "--ro"], ["--roles"], noFiles],
  "letters as well, those of the program first": [
    ["key", "passwd", "-"],
    [
      ...["--configFile", "-c", "--debug", "-D", "--server", "-s", "--tlscacert", "--tlscert", "--tlskey"],
      ...["--trustDir", "-d", "--verbose", "-v", "--help", "-h"],
    ],
    noFiles,
  ],
  "topics of help": [["help", "key", "l"], ["list"], noFiles],
  "files where arguments go": [["add", "gun", ""], [], offerFiles],
  "files where the value of a flag goes": [["key", "generate", "-o", ""], [], offerFiles],
  "nothing behind a word that is no command": [["frob", ""], [], offerFiles],
};

for (const [claim, [words, candidates, directive]] of Object.entries(cases)) {
  test(`completes ${claim}`, () => {
    const answer = completionRequest(notaryProgram, ["__completeNoDesc", ...words]);
    assert.equal(answer?.stdout, [...candidates, directive, ""].join("\n"));
  });
}

test("descriptions stand behind a tab", () => {
  const answer = completionRequest(notaryProgram, ["__complete", "lo"]);
  assert.equal(answer?.stdout, "lookup\tLooks up a specific target in a remote trusted collection.\n:4\n");
});

test("other commands are no request for completion", () => {
  assert.equal(completionRequest(notaryProgram, ["list", "gun"]), undefined);
});
