import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { JsonObject } from "../tuf/json.ts";
import { asObject } from "../tuf/jsonMember.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { KeysError, messageOf } from "./errors.ts";

/** The version of the protocol that docs/keys.md describes. */
export const signerProtocol = 1;

const maximumAnswerBytes = 1024 * 1024;
const maximumComplaintBytes = 4096;
/** Time for a program to end by itself once it is told to, in milliseconds. */
const graceMilliseconds = 1000;
/** The program serves other purposes than ours; what opens our key files is not for it. */
const secretVariable = /_PASSPHRASE$|^COUNTERSIGN_\w*PIN$/;

export interface SignerCommandOptions {
  /** For errors: `command kms`. */
  readonly location: string;
  /** An absolute path, and arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  readonly timeoutMilliseconds: number;
  readonly environment?: NodeJS.ProcessEnv;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** How a program ended, and what it said. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly answer: Buffer;
  readonly complaint: string;
}

/**
 * Runs a signer command for one request: the request as one JSON object on its standard input, one JSON object as the
 * answer on its standard output. The program inherits the environment without our passphrases and PINs.
 * Errors: KEYS_CUSTODY_UNREACHABLE when it cannot be started, takes too long or says that its service is unavailable;
 * KEYS_COMMAND for every other failure, with what it wrote on standard error.
 */
export async function askSignerCommand(options: SignerCommandOptions, request: object): Promise<JsonObject> {
  const ending = await run(options, JSON.stringify({ protocol: signerProtocol, ...request }));
  const { location } = options;
  const { code, signal, complaint } = ending;
  const answer = readAnswer(ending.answer);
  const error = answer instanceof Error ? undefined : answer["error"];
  if (error !== undefined) {
    throw ownError(location, error, complaint);
  }
  if (code !== 0) {
    const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
    throw new KeysError("KEYS_COMMAND", withComplaint(`${location} ${how}`, complaint));
  }
  if (answer instanceof Error) {
    throw new KeysError("KEYS_COMMAND", withComplaint(`${location}: ${answer.message}`, complaint), { cause: answer });
  }
  if (answer["protocol"] !== signerProtocol) {
    const found = JSON.stringify(answer["protocol"] ?? null);
    throw new KeysError("KEYS_COMMAND", `${location} speaks protocol ${found}, not ${signerProtocol}`);
  }
  return answer;
}

/** The answer of a program that did not do what it was asked: `{"error": {"code", "message"}}`. */
function ownError(location: string, error: JsonObject[string], complaint: string): KeysError {
  const { code, message } = asObjectOr(error, {});
  const text = typeof message === "string" ? message : "it did not say why";
  return code === "unavailable"
    ? new KeysError("KEYS_CUSTODY_UNREACHABLE", `${location} is unavailable: ${text}`)
    : new KeysError("KEYS_COMMAND", withComplaint(`${location} refused: ${text}`, complaint));
}

function readAnswer(bytes: Uint8Array): JsonObject | Error {
  try {
    return asObject(parseJson(bytes, { maxBytes: maximumAnswerBytes, maxDepth: 8, maxValues: 100_000 }), "the answer");
  } catch (error) {
    return new Error(`its answer cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function asObjectOr(value: JsonObject[string], fallback: Partial<JsonObject>): Partial<JsonObject> {
  try {
    return asObject(value, "the error");
  } catch {
    return fallback;
  }
}

async function run(options: SignerCommandOptions, request: string): Promise<Ending> {
  const { location, command, timeoutMilliseconds, environment = process.env } = options;
  const [program, ...args] = command;
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !secretVariable.test(name)));
  const child: Child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"], shell: false, windowsHide: true });
  return await new Promise<Ending>((resolve, reject) => {
    const answer: Buffer[] = [];
    let length = 0;
    let complaint = Buffer.alloc(0);
    const fail = (error: KeysError): void => {
      clearTimeout(deadline);
      stop(child);
      reject(error);
    };
    const deadline = setTimeout(() => {
      const message = withComplaint(`${location} did not answer in ${timeoutMilliseconds / 1000} s`, text(complaint));
      fail(new KeysError("KEYS_CUSTODY_UNREACHABLE", message));
    }, timeoutMilliseconds);
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maximumAnswerBytes) {
        fail(new KeysError("KEYS_COMMAND", `${location} answered with more than ${maximumAnswerBytes} bytes`));
      } else {
        answer.push(chunk);
      }
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = Buffer.concat([complaint, chunk]).subarray(-maximumComplaintBytes);
    });
    child.on("error", (cause) => {
      const message = `${location} cannot be started: ${cause.message}`;
      fail(new KeysError("KEYS_CUSTODY_UNREACHABLE", message, { cause }));
    });
    child.on("close", (code, signal) => {
      clearTimeout(deadline);
      resolve({ code, signal, answer: Buffer.concat(answer), complaint: text(complaint) });
    });
    child.stdin.on("error", () => {}); // A program that ends without reading its input says why elsewhere.
    child.stdin.end(request);
  });
}

/** Ends a program that is of no more use. What it started itself may hold its pipes open; nobody waits for them. */
function stop(child: Child): void {
  child.stdout.destroy();
  child.stderr.destroy();
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), graceMilliseconds);
  child.once("exit", () => clearTimeout(kill));
  child.once("error", () => clearTimeout(kill));
}

function text(complaint: Uint8Array): string {
  return new TextDecoder().decode(complaint).trim();
}

function withComplaint(message: string, complaint: string): string {
  return complaint === "" ? message : `${message}; it says: ${complaint}`;
}
