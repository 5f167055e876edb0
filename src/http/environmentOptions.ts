import { HttpError } from "./errors.ts";

/** A configuration as its defaults: sections, and keys with a number, a text, a flag or a list of texts. */
export interface ConfigurationSection {
  readonly [key: string]: number | string | boolean | readonly string[] | ConfigurationSection;
}

type Options = { [key: string]: unknown };

/**
 * The options that environment variables set, in the shape of `defaults`: any key can be set by `PREFIX_SECTION_KEY`, the
 * key's words separated by underscores (`bodyLimit` with prefix `COUNTERSIGN_SERVER` is `COUNTERSIGN_SERVER_BODY_LIMIT`).
 * Lists are separated by white space. Whether a value makes sense is for the configuration's own check to say.
 * @throws HttpError HTTP_ENVIRONMENT for a variable with the prefix that names no key, or a value of the wrong kind
 */
export function optionsFromEnvironment(
  prefix: string,
  defaults: ConfigurationSection,
  environment: NodeJS.ProcessEnv,
): Options {
  const known = variables(prefix, defaults);
  const options: Options = {};
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined || !name.startsWith(`${prefix}_`)) continue;
    const variable = known.get(name);
    if (variable === undefined) {
      throw new HttpError("HTTP_ENVIRONMENT", `there is no setting ${name}`, {
        hint: `The settings are ${[...known.keys()].join(", ")}.`,
      });
    }
    assign(options, variable.path, read(name, text, variable.value));
  }
  return options;
}

/** The names of all variables that set something, in the order of the configuration. */
export function environmentVariables(prefix: string, defaults: ConfigurationSection): readonly string[] {
  return [...variables(prefix, defaults).keys()];
}

interface Variable {
  readonly path: readonly string[];
  readonly value: ConfigurationSection[string];
}

function variables(prefix: string, section: ConfigurationSection, path: readonly string[] = []): Map<string, Variable> {
  const found = new Map<string, Variable>();
  for (const [key, value] of Object.entries(section)) {
    const name = `${prefix}_${key.replaceAll(/[A-Z]/g, "_$&").toUpperCase()}`;
    if (isSection(value)) {
      for (const entry of variables(name, value, [...path, key])) found.set(...entry);
    } else {
      found.set(name, { path: [...path, key], value });
    }
  }
  return found;
}

function isSection(value: ConfigurationSection[string]): value is ConfigurationSection {
  return typeof value === "object" && !Array.isArray(value);
}

function read(name: string, text: string, like: ConfigurationSection[string]): unknown {
  const wrong = (allowed: string): never => {
    throw new HttpError("HTTP_ENVIRONMENT", `${name} must be ${allowed} (given: ${JSON.stringify(text)})`);
  };
  switch (typeof like) {
    case "number":
      return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : wrong("a number");
    case "boolean":
      return text === "true" || (text === "false" ? false : wrong("true or false"));
    case "string":
      return text;
    default:
      return text.split(/\s+/).filter((item) => item !== "");
  }
}

function assign(options: Options, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    options[key] = value;
  } else {
    assign((options[key] ??= {}) as Options, rest, value);
  }
}
