import type { CommandSpec } from "../compat/command.ts";
import type { FlagValues } from "../compat/flags.ts";
import type { CompatLog } from "../compat/log.ts";
import type { Ui } from "../ui.ts";

/** What a command of `docker trust` gets. */
export interface Invocation {
  readonly flags: FlagValues;
  readonly args: readonly string[];
  readonly ui: Ui;
  readonly log: CompatLog;
}

export type Action = (invocation: Invocation) => Promise<void>;

/** What a command takes and does. */
export interface TrustRun {
  /** How many arguments: just so many, or at least. */
  readonly exactly?: number;
  readonly atLeast?: number;
  /** Commands are loaded when they are run, so that none pays for the others. */
  readonly load: () => Promise<Action>;
}

type Command = CommandSpec<TrustRun>;

const key: Command = {
  use: "key",
  short: "Manage keys for signing Docker images",
  commands: [
    {
      use: "generate NAME",
      short: "Generate and load a signing key-pair",
      flags: [{ name: "dir", type: "string", usage: "Directory to generate key in, defaults to current directory" }],
      run: { exactly: 1, load: async () => (await import("./keyGenerate.ts")).keyGenerate },
    },
    {
      use: "load [OPTIONS] KEYFILE",
      short: "Load a private key file for signing",
      flags: [{ name: "name", type: "string", default: "signer", usage: "Name for the loaded key" }],
      run: { exactly: 1, load: async () => (await import("./keyLoad.ts")).keyLoad },
    },
  ],
};

const signer: Command = {
  use: "signer",
  short: "Manage entities who can sign Docker images",
  commands: [
    {
      use: "add OPTIONS NAME REPOSITORY [REPOSITORY...] ",
      short: "Add a signer",
      flags: [{ name: "key", type: "list", usage: "Path to the signer's public key file" }],
      run: { atLeast: 2, load: async () => (await import("./signerAdd.ts")).signerAdd },
    },
    {
      use: "remove [OPTIONS] NAME REPOSITORY [REPOSITORY...]",
      short: "Remove a signer",
      flags: [
        {
          name: "force",
          shorthand: "f",
          type: "bool",
          usage: "Do not prompt for confirmation before removing the most recent signer",
        },
      ],
      run: { atLeast: 2, load: async () => (await import("./signerRemove.ts")).signerRemove },
    },
  ],
};

const trust: Command = {
  use: "trust",
  short: "Manage trust on Docker images",
  commands: [
    key,
    signer,
    {
      use: "inspect IMAGE[:TAG] [IMAGE[:TAG]...]",
      short: "Return low-level information about keys and signatures",
      flags: [{ name: "pretty", type: "bool", usage: "Print the information in a human friendly format" }],
      run: { atLeast: 1, load: async () => (await import("./inspect.ts")).inspect },
    },
    {
      use: "revoke [OPTIONS] IMAGE[:TAG]",
      short: "Remove trust for an image",
      flags: [{ name: "yes", shorthand: "y", type: "bool", usage: "Do not prompt for confirmation" }],
      run: { exactly: 1, load: async () => (await import("./revoke.ts")).revoke },
    },
    {
      use: "sign IMAGE:TAG",
      short: "Sign an image",
      flags: [{ name: "local", type: "bool", usage: "Sign a locally tagged image" }],
      run: { exactly: 1, load: async () => (await import("./sign.ts")).sign },
    },
  ],
};

/** The part of Docker's command line that is ours: `docker trust`, as of version 28. */
export const dockerProgram: Command = { use: "docker", short: "", commands: [trust] };
