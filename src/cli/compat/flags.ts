import type { FlagSpec } from "./command.ts";
import { GoSyntaxError, goQuote, parseGoBool, parseGoCsv, parseGoDecimal, parseGoInt } from "./goText.ts";

type FlagValue = boolean | string | readonly string[] | number | readonly number[];

/** A mistake on the command line; the message is the original's. */
export class UsageMistake extends Error {
  /** Whether the original shows the usage of the command before the message. */
  readonly showsUsage: boolean;

  constructor(message: string, options: { readonly showsUsage?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.showsUsage = options.showsUsage ?? false;
  }
}

/** The flags of one call, with their defaults. */
export class FlagValues {
  readonly #values: ReadonlyMap<string, FlagValue>;

  constructor(values: ReadonlyMap<string, FlagValue>) {
    this.#values = values;
  }

  /** Whether the flag was given at all. */
  given(name: string): boolean {
    return this.#values.has(name);
  }

  bool(name: string): boolean {
    return this.#values.get(name) === true;
  }

  string(name: string): string {
    return (this.#values.get(name) as string | undefined) ?? "";
  }

  strings(name: string): readonly string[] {
    return (this.#values.get(name) as readonly string[] | undefined) ?? [];
  }

  int(name: string): number {
    return (this.#values.get(name) as number | undefined) ?? 0;
  }

  ints(name: string): readonly number[] {
    return (this.#values.get(name) as readonly number[] | undefined) ?? [];
  }
}

export interface ParsedArguments {
  readonly flags: FlagValues;
  readonly positional: readonly string[];
}

/**
 * Reads flags as the originals do: anywhere between the arguments, `--flag value`, `--flag=value`, `-fvalue`, `-f=value`,
 * grouped shorthands, and `--` before arguments that only look like flags.
 *
 * @throws UsageMistake with the original's text for an unknown flag, a missing or an unreadable value
 */
export function parseFlags(specs: readonly FlagSpec[], args: readonly string[]): ParsedArguments {
  const values = new Map<string, FlagValue>();
  const positional: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") {
      positional.push(...rest.splice(0));
    } else if (arg.startsWith("--")) {
      parseLong(arg, specs, rest, values);
    } else if (arg.startsWith("-") && arg.length > 1) {
      parseShorthands(arg, specs, rest, values);
    } else {
      positional.push(arg);
    }
  }
  return { flags: new FlagValues(withDefaults(specs, values)), positional };
}

function withDefaults(specs: readonly FlagSpec[], given: Map<string, FlagValue>): Map<string, FlagValue> {
  for (const { name, default: value } of specs) {
    if (value !== undefined && !given.has(name)) given.set(name, value);
  }
  return given;
}

function parseLong(arg: string, specs: readonly FlagSpec[], rest: string[], values: Map<string, FlagValue>): void {
  const [name = "", ...tail] = arg.slice(2).split("=");
  if (name === "" || name.startsWith("-")) throw new UsageMistake(`bad flag syntax: ${arg}`);
  const spec = specs.find((candidate) => candidate.name === name);
  if (!spec) throw new UsageMistake(`unknown flag: --${name}`);
  const text = tail.length > 0 ? tail.join("=") : spec.type === "bool" ? "true" : rest.shift();
  if (text === undefined) throw new UsageMistake(`flag needs an argument: ${arg}`);
  set(spec, text, values);
}

function parseShorthands(
  arg: string,
  specs: readonly FlagSpec[],
  rest: string[],
  values: Map<string, FlagValue>,
): void {
  let group = arg.slice(1);
  while (group !== "") {
    const letter = group.charAt(0);
    const spec = specs.find((candidate) => candidate.shorthand === letter);
    if (!spec) throw new UsageMistake(`unknown shorthand flag: '${letter}' in -${group}`);
    if (group.length > 2 && group[1] === "=") return set(spec, group.slice(2), values);
    if (spec.type === "bool") {
      set(spec, "true", values);
      group = group.slice(1);
      continue;
    }
    const text = group.length > 1 ? group.slice(1) : rest.shift();
    if (text === undefined) throw new UsageMistake(`flag needs an argument: '${letter}' in -${group}`);
    return set(spec, text, values);
  }
}

function set(spec: FlagSpec, text: string, values: Map<string, FlagValue>): void {
  try {
    values.set(spec.name, read(spec, text, values.get(spec.name)));
  } catch (error) {
    if (!(error instanceof GoSyntaxError)) throw error;
    const shown = spec.shorthand === undefined ? `--${spec.name}` : `-${spec.shorthand}, --${spec.name}`;
    throw new UsageMistake(`invalid argument ${goQuote(text)} for "${shown}" flag: ${error.message}`, { cause: error });
  }
}

function read(spec: FlagSpec, text: string, earlier: FlagValue | undefined): FlagValue {
  switch (spec.type) {
    case "bool":
      return parseGoBool(text);
    case "string":
      return text;
    case "strings":
      return [...((earlier as readonly string[] | undefined) ?? []), ...parseGoCsv(text)];
    case "list":
      return [...((earlier as readonly string[] | undefined) ?? []), text];
    case "int":
      return Number(parseGoInt(text));
    case "ints":
      return [
        ...((earlier as readonly number[] | undefined) ?? []),
        ...text.split(",").map((part) => Number(parseGoDecimal(part))),
      ];
  }
}
