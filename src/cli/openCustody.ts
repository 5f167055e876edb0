import { CommandCustody } from "../keys/commandCustody.ts";
import type { KeyCustody } from "../keys/custody.ts";
import { firstPin, pinFromFile, pinFromVariable, type PinSource } from "../keys/pin.ts";
import { Pkcs11Custody } from "../keys/pkcs11Custody.ts";
import type { CustodyConfig } from "./custodyConfig.ts";
import { terminalPrompt } from "./prompt.ts";
import { Ui } from "./ui.ts";

type Entries = CustodyConfig["custodies"];

/**
 * A place where keys are, as the configuration names it. Nothing is asked of it yet.
 * @param all the whole configuration: a program does not get to see the PINs of tokens
 */
export function openCustody(entry: Entries[number], all: Entries, environment: NodeJS.ProcessEnv): KeyCustody {
  switch (entry.kind) {
    case "command": {
      const { name, command, timeoutSeconds } = entry;
      const others = withoutPins(environment, all);
      return new CommandCustody({ name, command, timeoutMilliseconds: timeoutSeconds * 1000, environment: others });
    }
    case "pkcs11": {
      const { module, token, serial, roles, pinVariable, pinFile } = entry;
      const stored = pinFile === undefined ? [] : [pinFromFile(pinFile)];
      const pins = firstPin(pinFromVariable(pinVariable, environment), ...stored, typedPin);
      return new Pkcs11Custody({ module, token, serial, roles, pins });
    }
  }
}

function withoutPins(environment: NodeJS.ProcessEnv, all: Entries): NodeJS.ProcessEnv {
  const pinVariables = all.map((entry) => (entry.kind === "pkcs11" ? entry.pinVariable : undefined));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !pinVariables.includes(name)));
}

/** Asks for a PIN on the terminal, whatever the program: the originals have no such question. */
const typedPin: PinSource = async ({ token, finalTry }) => {
  const ui = new Ui();
  const prompt = terminalPrompt((text) => ui.ask(text));
  if (!prompt.interactive) return undefined;
  if (finalTry) ui.warn(`one more wrong PIN locks ${token}`);
  const pin = await prompt.hidden(`Enter the PIN of ${token}: `);
  return pin ? { pin, origin: "the terminal", typed: true } : undefined;
};
