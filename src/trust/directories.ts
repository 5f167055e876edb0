import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** The variables that decide where things are kept. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Notary's trust directory: `~/.notary`. */
export function notaryTrustDir(home: string = homedir()): string {
  return join(home, ".notary");
}

/** Docker's trust directory below its configuration directory. */
export function dockerTrustDir(configDirectory: string): string {
  return join(configDirectory, "trust");
}

/** Our own state, last seen above all: `$COUNTERSIGN_HOME/state`, else `$XDG_STATE_HOME/countersign`, else `~/.local/state/countersign`. */
export function stateDirectory(environment: Environment, home: string = homedir()): string {
  return place(environment, "state", environment["XDG_STATE_HOME"], join(home, ".local", "state"));
}

/** Our own configuration, pins and policy: `$COUNTERSIGN_HOME/config`, else `$XDG_CONFIG_HOME/countersign`, else `~/.config/countersign`. */
export function configDirectory(environment: Environment, home: string = homedir()): string {
  return place(environment, "config", environment["XDG_CONFIG_HOME"], join(home, ".config"));
}

function place(environment: Environment, kind: string, xdg: string | undefined, fallback: string): string {
  const own = environment["COUNTERSIGN_HOME"];
  if (own) {
    return join(own, kind);
  }
  // The XDG specification: a relative path in these variables is to be ignored.
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : fallback, "countersign");
}
