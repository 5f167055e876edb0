import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CopyProgress } from "../oci/copyImage.ts";
import { humanSize, pullWords, TransferProgress } from "./transferProgress.ts";

const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";

function layer(id: string, state: CopyProgress["state"], transferred = 0, size = 2_000_000): CopyProgress {
  return { digest: `sha256:${id.padEnd(64, "0")}`, mediaType: layerType, size, state, transferred };
}

/** A terminal of 60 columns, as far as this program uses one: lines, going up, clearing a line. */
class Screen {
  readonly isTTY = true;
  readonly columns = 60;
  readonly rows: number;
  readonly lines: string[] = [""];
  #row = 0;
  longest = 0;

  constructor(rows = 24) {
    this.rows = rows;
  }

  write(text: string): void {
    for (const part of text.replaceAll("\x1b[", "‹").split(/(‹\d*[A-Z]|\n)/)) {
      const up = /^‹(\d+)A$/.exec(part);
      if (up) this.#row -= Number(up[1]);
      else if (part === "‹2K") this.lines[this.#row] = "";
      else if (part === "\n") this.lines[++this.#row] ??= "";
      else this.lines[this.#row] += part;
      assert.ok(this.#row >= 0, "the cursor stays on the screen");
      this.longest = Math.max(this.longest, part.length);
    }
  }

  shown(): string[] {
    return this.lines.filter((line) => line !== "");
  }
}

function onScreen(screen: Screen, now: () => number = () => 0): (...events: readonly CopyProgress[]) => void {
  const progress = new TransferProgress(screen, pullWords, now);
  return (...events) => events.forEach(progress.update);
}

describe("on a terminal", () => {
  test("what moves has a bar, what is done stands above it", () => {
    const screen = new Screen();
    let time = 0;
    const update = onScreen(screen, () => (time += 1000));
    update(layer("a", "waiting"), layer("b", "waiting"), layer("c", "waiting"));
    update(layer("a", "copying", 500_000));
    assert.deepEqual(screen.shown(), ["a00000000000: Downloading [=====>               ] 500kB/2MB", "2 more waiting"]);
    update(layer("b", "copying", 1), layer("a", "copying", 1_999_999), layer("a", "done", 2_000_000));
    assert.deepEqual(screen.shown(), [
      "a00000000000: Download complete",
      "b00000000000: Downloading [>                       ] 1B/2MB",
      "1 more waiting",
    ]);
    update(layer("c", "present", 2_000_000), layer("b", "done", 2_000_000));
    assert.deepEqual(screen.shown(), [
      "a00000000000: Download complete",
      "c00000000000: Already exists",
      "b00000000000: Download complete",
    ]);
  });

  test("is drawn ten times a second at most, except when something begins or ends", () => {
    const screen = new Screen();
    let time = 0;
    let drawings = 0;
    const write = screen.write.bind(screen);
    screen.write = (text) => {
      drawings += 1;
      write(text);
    };
    const update = onScreen(screen, () => time);
    update(layer("a", "waiting"));
    for (let i = 0; i < 1000; i++) {
      time += 1;
      update(layer("a", "copying", i));
    }
    assert.equal(drawings, 10);
    update(layer("a", "done"));
    assert.equal(drawings, 11);
    assert.deepEqual(screen.shown(), ["a00000000000: Download complete"]);
  });

  test("never draws more than fits, however many layers move", () => {
    const screen = new Screen(6);
    let time = 0;
    const update = onScreen(screen, () => (time += 1000));
    const ids = Array.from({ length: 20 }, (_, i) => `${10 + i}`);
    ids.forEach((id) => update(layer(id, "waiting")));
    ids.forEach((id) => update(layer(id, "copying", 1)));
    assert.ok(screen.shown().length <= 6, screen.shown().join("\n"));
    assert.ok(screen.longest < screen.columns);
    ids.forEach((id) => update(layer(id, "done")));
    assert.deepEqual(
      screen.shown(),
      ids.map((id) => `${id}${"0".repeat(10)}: Download complete`),
    );
  });

  test("gives way to other lines", () => {
    const screen = new Screen();
    const progress = new TransferProgress(screen, pullWords, () => 0);
    [layer("a", "waiting"), layer("a", "copying", 1)].forEach(progress.update);
    progress.clear();
    assert.deepEqual(screen.shown(), []);
    screen.write("warning: something\n");
    progress.update(layer("a", "copying", 2));
    progress.update(layer("a", "done"));
    assert.deepEqual(screen.shown(), ["warning: something", "a00000000000: Download complete"]);
  });
});

test("elsewhere there is a plain line when a layer begins, and when it ends", () => {
  let written = "";
  const progress = new TransferProgress({ write: (text) => (written += text) }, pullWords);
  const config = { ...layer("f", "done"), mediaType: "application/vnd.oci.image.config.v1+json" };
  for (const event of [
    layer("a", "waiting"),
    layer("b", "waiting"),
    layer("c", "waiting"),
    layer("a", "copying", 1),
    layer("a", "copying", 1_000_000),
    config,
    layer("b", "mounted"),
    layer("a", "done"),
    layer("c", "done", 0, 0),
  ]) {
    progress.update(event);
  }
  progress.clear();
  assert.deepEqual(written.split("\n"), [
    "a00000000000: Downloading 2MB",
    "b00000000000: Mounted from another repository",
    "a00000000000: Download complete",
    "c00000000000: Download complete",
    "",
  ]);
});

test("sizes are written as Docker writes them", () => {
  const cases: readonly (readonly [bytes: number, text: string])[] = [
    [0, "0B"],
    [999, "999B"],
    [1000, "1kB"],
    [262_144, "262.1kB"],
    [1_048_576, "1.049MB"],
    [40_010_000, "40.01MB"],
    [2_147_483_648, "2.147GB"],
    [5e15, "5000TB"],
  ];
  for (const [bytes, text] of cases) assert.equal(humanSize(bytes), text);
});
