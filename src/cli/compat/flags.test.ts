import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlagSpec } from "./command.ts";
import { parseFlags, UsageMistake } from "./flags.ts";

const specs: readonly FlagSpec[] = [
  { name: "publish", shorthand: "p", type: "bool", usage: "" },
  { name: "verbose", shorthand: "v", type: "bool", usage: "" },
  { name: "output", shorthand: "o", type: "string", usage: "" },
  { name: "role", type: "string", usage: "", default: "root" },
  { name: "paths", type: "strings", usage: "" },
  { name: "legacy", shorthand: "l", type: "int", usage: "" },
  { name: "number", shorthand: "n", type: "ints", usage: "" },
];

const understood: Readonly<Record<string, readonly [args: string[], expected: Record<string, unknown>]>> = {
  "flags between arguments": [["a", "-p", "b"], { publish: true, positional: ["a", "b"] }],
  "a value of its own argument": [["-o", "file", "x"], { output: "file", positional: ["x"] }],
  "a value behind =": [["--output=a=b"], { output: "a=b" }],
  "a value stuck to the letter": [["-ofile"], { output: "file" }],
  "a value stuck with =": [["-o=file"], { output: "file" }],
  "letters in a group, the last with a value": [["-pvo", "file"], { publish: true, verbose: true, output: "file" }],
  "a value that looks like a flag": [["-o", "-p"], { output: "-p", publish: false }],
  "a switch turned off": [["-p=false"], { publish: false }],
  "nothing is a flag behind --": [["-p", "--", "-v"], { publish: true, verbose: false, positional: ["-v"] }],
  "a lone dash is an argument": [["-"], { positional: ["-"] }],
  "the default": [[], { role: "root" }],
  "lists grow with each use, and hold comma-separated values": [
    ["--paths", 'a,"b,c"', "--paths", 'd,"e""f"'],
    { paths: ["a", "b,c", "d", 'e"f'] },
  ],
  "an empty list value is an empty list, an empty element is one": [
    ["--paths", "", "--paths", "x,"],
    { paths: ["x", ""] },
  ],
  "numbers with a base": [["-l", "0x10"], { legacy: 16 }],
  "negative numbers": [["-l", "-1"], { legacy: -1 }],
  "lists of numbers": [["-n", "1,-2", "-n3"], { number: [1, -2, 3] }],
};

for (const [claim, [args, expected]] of Object.entries(understood)) {
  test(`understands ${claim}`, () => {
    const { flags, positional } = parseFlags(specs, args);
    const found: Record<string, unknown> = {
      publish: flags.bool("publish"),
      verbose: flags.bool("verbose"),
      output: flags.string("output"),
      role: flags.string("role"),
      paths: flags.strings("paths"),
      legacy: flags.int("legacy"),
      number: flags.ints("number"),
      positional,
    };
    assert.deepEqual({ ...found, ...expected }, found);
  });
}

const refused: Readonly<Record<string, string>> = {
  "--nope": "unknown flag: --nope",
  "-px": "unknown shorthand flag: 'x' in -x",
  "--output": "flag needs an argument: --output",
  "-pl": "flag needs an argument: 'l' in -l",
  "---x": "bad flag syntax: ---x",
  "--=x": "bad flag syntax: --=x",
  "-p=maybe": 'invalid argument "maybe" for "-p, --publish" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  "-l=1__0": 'invalid argument "1__0" for "-l, --legacy" flag: strconv.ParseInt: parsing "1__0": invalid syntax',
  "-l=9223372036854775808":
    'invalid argument "9223372036854775808" for "-l, --legacy" flag: strconv.ParseInt: parsing "9223372036854775808": value out of range',
  "-n=0x1": 'invalid argument "0x1" for "-n, --number" flag: strconv.Atoi: parsing "0x1": invalid syntax',
  '--paths=a"b':
    'invalid argument "a\\"b" for "--paths" flag: parse error on line 1, column 2: bare " in non-quoted-field',
  '--paths=a,"b':
    'invalid argument "a,\\"b" for "--paths" flag: parse error on line 1, column 5: extraneous or missing " in quoted-field',
};

for (const [arg, message] of Object.entries(refused)) {
  test(`refuses ${arg} with the original's words`, () => {
    assert.throws(() => parseFlags(specs, [arg]), new UsageMistake(message));
  });
}
