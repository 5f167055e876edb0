import { CountersignError } from "../tuf/error.ts";
import type { ErrorCatalogue, ErrorOptions } from "../tuf/error.ts";

/** Everything the command line itself refuses; what other rooms throw passes through unchanged. */
export const cliErrors = {
  CLI_USAGE: {
    kind: "usage",
    cause: "The command line has an unknown option, a missing argument or a value that cannot be used.",
    remedy: "Run the command with --help to see what it takes.",
  },
  CLI_SETTING: {
    kind: "usage",
    cause: "A setting from the environment has a value that cannot be used.",
    remedy: "Correct the setting named in the message; docs/operations.md has the list of all.",
  },
  CLI_PASSPHRASE: {
    kind: "failed",
    cause:
      "A private key has to be opened or made, its passphrase is not in the environment, and nobody can be asked for it.",
    remedy:
      "Set DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE, or use a terminal.",
  },
  CLI_PLUGIN: {
    kind: "failed",
    cause: "The plugins cannot be put into the directory of Docker's command line.",
    remedy: "See the reason in the message; DOCKER_CONFIG says where that directory is.",
  },
  CLI_DECLINED: {
    kind: "failed",
    cause: "The person at the terminal did not agree to what was shown.",
    remedy: "Answer yes to agree; if what was shown is not what was announced, ask who sent it.",
  },
  CLI_DIFFERENT: {
    kind: "refused",
    cause: "Two images that were compared are not the same.",
    remedy: "Do not use one in the place of the other; ask who pushed it where it comes from.",
  },
  CLI_DEMO: {
    kind: "failed",
    cause:
      "Something failed in the demo that was no attack: it needs room in the directory for temporary files, and loopback connections.",
    remedy: "See the reason in the message; if it makes no sense, report it as a bug.",
  },
  CLI_FILE_EXISTS: {
    kind: "failed",
    cause: "A file was to be written that exists already; it may hold what exists nowhere else.",
    remedy: "Name another file, or move the old one away.",
  },
  CLI_KEY_IN_USE: {
    kind: "failed",
    cause: "A private key was to be removed that a collection names, or of which that could not be found out.",
    remedy: "Rotate the key first (countersign rotate); give --force to remove it all the same.",
  },
  CLI_UNPINNED: {
    kind: "refused",
    cause: "The root of the collection is seen for the first time, and nothing says that it is the right one.",
    remedy: "Pin it with --root-key ID or --root-file FILE, or believe the trust server with --first-use accept.",
  },
} as const satisfies ErrorCatalogue;

export type CliCode = keyof typeof cliErrors;

export class CliError extends CountersignError {
  declare readonly code: CliCode;

  constructor(code: CliCode, message: string, options: ErrorOptions = {}) {
    super(code, cliErrors[code], message, options);
  }
}
