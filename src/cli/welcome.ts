import { hostname as machineName } from "node:os";
import { isLoopbackHost } from "../transport/loopback.ts";
import type { Site } from "./site.ts";
import type { Ui } from "./ui.ts";

export interface WelcomeOptions {
  readonly site: Site;
  readonly data: string;
  /** Whether other machines reach the site too, by this machine's name. */
  readonly isForOthers: boolean;
}

/** What to type next, so that nobody has to look it up. */
export function welcome({ site: { url, authorityFile }, data, isForOthers }: WelcomeOptions, ui: Ui): string {
  const { host, hostname, port } = new URL(url);
  const ready = `${ui.emphasise("green", "ready")} at ${ui.emphasise("bold", url)}, data in ${data}\n`;
  if (authorityFile === undefined) {
    return `${ready}\nThis is plain HTTP: put a proxy that speaks HTTPS in front of it before Docker uses it.\n`;
  }
  const image = `${host}/team/app:1.0`;
  const parts = [
    ready,
    `Registry and trust server are this one address. Name an image after it and push: it is signed. Pull: what was signed comes,
and nothing else.

  export DOCKER_CONTENT_TRUST=1
  docker tag IMAGE ${image}
  docker push ${image}
  docker pull ${image}
`,
    // An engine takes any certificate of a registry on its own machine.
    isLoopbackHost(hostname)
      ? "Docker itself needs nothing more here. Type this once, so that countersign's other commands trust the certificate:\n"
      : "Type this once, so that Docker and countersign trust the certificate:\n",
    isLoopbackHost(hostname) ? clientLines(host, authorityFile) : allLines(host, authorityFile),
    ...(isForOthers
      ? [
          "On other machines, with a copy of ca.crt:\n",
          allLines(`${machineName()}:${port}`, "ca.crt"),
          "There is no login here: whoever reaches this address can push, delete and publish. Put a proxy with logins before it.\n",
        ]
      : []),
    `Notary's client takes --server ${url} --tlscacert ${quoted(authorityFile)}\n`,
  ];
  return parts.join("\n");
}

function allLines(host: string, authorityFile: string): string {
  return `${clientLines(host, authorityFile)}
and, as root, where the Docker engine runs:

${copyLines(`/etc/docker/certs.d/${host}`, authorityFile)}`;
}

/** For Docker's command line, and ours. */
function clientLines(host: string, authorityFile: string): string {
  return copyLines(`~/.docker/tls/${host}`, authorityFile);
}

function copyLines(directory: string, authorityFile: string): string {
  return `  mkdir -p ${directory}\n  cp ${quoted(authorityFile)} ${directory}/ca.crt\n`;
}

/** Safe to paste into a shell. */
function quoted(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
