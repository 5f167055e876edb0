import assert from "node:assert/strict";
import { test } from "node:test";
import type { PushReport } from "../../oci/enginePush.ts";
import { PushScreen } from "./pushScreen.ts";

const reports: readonly PushReport[] = [
  { id: undefined, status: "The push refers to repository [r/app]", progress: undefined },
  { id: "aaa", status: "Preparing", progress: undefined },
  { id: "bbb", status: "Preparing", progress: undefined },
  { id: "aaa", status: "Pushing", progress: "[==>  ]" },
  { id: "bbb", status: "Layer already exists", progress: undefined },
  { id: "aaa", status: "Pushed", progress: undefined },
  { id: undefined, status: "1.0: digest: …", progress: undefined },
];

function show(terminal: boolean): string {
  let shown = "";
  const screen = new PushScreen({ print: (text) => (shown += text.toString()) }, terminal);
  reports.forEach(screen.show);
  return shown;
}

/** What a terminal shows of it in the end. */
function lines(output: string): string[] {
  const rows = [""];
  let row = 0;
  for (const [, up, erase, down, newline, text] of output.matchAll(
    // oxlint-disable-next-line no-control-regex -- the sequences a terminal obeys
    /\x1b\[(\d+)A|(\x1b\[2K\r)|\x1b\[(\d+)B|(\n)|([^\x1b\n]+)/g,
  )) {
    if (up !== undefined) row -= Number(up);
    else if (down !== undefined) row += Number(down);
    else if (erase !== undefined) rows[row] = "";
    else if (newline !== undefined) rows[(row += 1)] ??= "";
    else rows[row] += text ?? "";
  }
  return rows;
}

test("without a terminal every report but progress is a line", () => {
  const expected = reports
    .filter(({ progress }) => progress === undefined)
    .map(({ id, status }) => `${id === undefined ? "" : `${id}: `}${status}\n`);
  assert.equal(show(false), expected.join(""));
});

test("on a terminal each layer keeps its line", () => {
  assert.deepEqual(lines(show(true)), [
    "The push refers to repository [r/app]",
    "aaa: Pushed",
    "bbb: Layer already exists",
    "1.0: digest: …",
    "",
  ]);
});
