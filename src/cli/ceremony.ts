import { CliError } from "./errors.ts";
import type { NativeCommand } from "./nativeCommand.ts";

const help = `Sign with several keys on several machines: two of three for root, targets or a delegation.

Usage: countersign ceremony COMMAND …

  start GUN --change CHANGE… --out FILE   propose a change to a collection; FILE travels between the machines
  sign FILE                               say what is being signed, ask, and add this machine's signatures; needs no network
  status FILE                             who has signed, who is missing
  join FILE OTHER…                        add the signatures of files that were signed apart
  finish FILE                             check everything as consumers will, and publish it at once
  certificate GUN --out FILE              make a root key, or take one that is here, and write the certificate that root lists

Each explains itself with --help. docs/ceremonies.md has the whole story and the format of the file.

Example, a root that takes two of three people:
  bob$   countersign ceremony certificate registry.example/team/app --out bob.crt
  carol$ countersign ceremony certificate registry.example/team/app --out carol.crt
  alice$ countersign ceremony start registry.example/team/app --out app.ceremony \\
           --change root:add-key=bob.crt --change root:add-key=carol.crt --change root:threshold=2
  alice$ countersign ceremony sign app.ceremony
  bob$   countersign ceremony sign app.ceremony
  alice$ countersign ceremony finish app.ceremony
`;

const commands: Readonly<Record<string, () => Promise<NativeCommand>>> = {
  start: async () => (await import("./ceremony/start.ts")).start,
  sign: async () => (await import("./ceremony/sign.ts")).sign,
  status: async () => (await import("./ceremony/status.ts")).status,
  join: async () => (await import("./ceremony/join.ts")).join,
  finish: async () => (await import("./ceremony/finish.ts")).finish,
  certificate: async () => (await import("./ceremony/certificate.ts")).certificate,
};

/** `countersign ceremony COMMAND …` */
export const ceremony: NativeCommand = async ([name, ...rest], ui) => {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    ui.print(help);
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    throw new CliError("CLI_USAGE", `there is no command ceremony ${JSON.stringify(name)}`, {
      hint: `The commands are ${Object.keys(commands).join(", ")}.`,
    });
  }
  const command = await commands[name]!();
  return await command(rest, ui);
};
