import { spawn } from "node:child_process";
import { OciError } from "./errors.ts";

const largestAnswer = 1024 * 1024;
/** A helper may have to ask a person to unlock a key ring. */
const patienceMs = 60_000;
/** What helpers print when they know nothing about an address. */
const notFound = /credentials not found/i;
/** The user name under which helpers give out identity tokens. */
const tokenUser = "<token>";

/** A login as a helper gives it out; the shape of `Credentials`. */
type HelperCredentials = { readonly username: string; readonly password: string } | { readonly identityToken: string };

/**
 * Runs `docker-credential-<name> get`, the address on its standard input, without a shell.
 * @throws OciError OCI_CREDENTIAL_HELPER. What the helper printed is not repeated: it may hold the secret
 */
export async function askCredentialHelper(
  name: string,
  address: string,
  environment: NodeJS.ProcessEnv,
): Promise<HelperCredentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new OciError("OCI_CREDENTIAL_HELPER", `${JSON.stringify(name)} cannot be the name of a credential helper`);
  }
  const { status, output } = await run(program, address, environment);
  if (status !== 0) {
    if (notFound.test(output)) {
      return undefined;
    }
    throw new OciError("OCI_CREDENTIAL_HELPER", `${program} failed with exit code ${status}`);
  }
  const { username, secret } = readAnswer(output, program);
  return username === tokenUser ? { identityToken: secret } : { username, password: secret };
}

function run(
  program: string,
  input: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly status: number; readonly output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; output: string }>();
  const child = spawn(program, ["get"], { env: environment, stdio: ["pipe", "pipe", "inherit"] });
  const stop = (): void => {
    child.kill();
    // What the helper itself started may still hold the pipe open.
    child.stdout.destroy();
  };
  const patience = setTimeout(stop, patienceMs);
  const chunks: Buffer[] = [];
  let length = 0;
  child.on("error", (cause) => {
    clearTimeout(patience);
    reject(new OciError("OCI_CREDENTIAL_HELPER", `cannot run ${program}`, { cause }));
  });
  child.stdout.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > largestAnswer) {
      stop();
    }
  });
  child.on("close", (status) => {
    clearTimeout(patience);
    if (status === null) {
      reject(new OciError("OCI_CREDENTIAL_HELPER", `${program} took too long or printed too much, and was stopped`));
    } else {
      resolve({ status, output: Buffer.concat(chunks).toString("utf8") });
    }
  });
  // A helper that ends without reading its input is judged by its exit code.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return promise;
}

function readAnswer(output: string, program: string): { readonly username: string; readonly secret: string } {
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    // Reported below; the parser's message may quote the secret.
    answer = undefined;
  }
  if (typeof answer === "object" && answer !== null && "Username" in answer && "Secret" in answer) {
    const { Username: username, Secret: secret } = answer;
    if (typeof username === "string" && typeof secret === "string") {
      return { username, secret };
    }
  }
  throw new OciError("OCI_CREDENTIAL_HELPER", `${program} printed something that is not a login`);
}
