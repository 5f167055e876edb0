/** Collections captured from the original programs, loaded as a client would. */
import { existsSync } from "node:fs";
import { TrustState, type TrustStateOptions } from "../../src/tuf/trustState.ts";
import { readVector } from "./vectors.ts";

/** The moment at which every captured collection is valid. */
export const captureClock = new Date("2026-11-22T00:00:00Z");

/** Loads the current files in a directory of `test/vectors/`, its root on first use. */
export function loadCaptured(directory: string, gun: string, options: Partial<TrustStateOptions> = {}): TrustState {
  const state = new TrustState({ gun, now: captureClock, ...options });
  state.loadFirstRoot(readVector(`${directory}/root.json`));
  return loadOnline(state, directory);
}

/** Loads everything but root. */
export function loadOnline(state: TrustState, directory: string): TrustState {
  state.updateTimestamp(readVector(`${directory}/timestamp.json`));
  state.updateSnapshot(readVector(`${directory}/snapshot.json`));
  for (let wanted = state.nextRole(); wanted !== undefined; wanted = state.nextRole()) {
    state.updateTargets(wanted.role, readVector(`${directory}/${wanted.role}.json`));
  }
  return state;
}

/** The root of a version, if it was captured. */
export function capturedRoot(directory: string, version: number): Buffer | undefined {
  const path = `${directory}/${version}.root.json`;
  return existsSync(new URL(`../vectors/${path}`, import.meta.url)) ? readVector(path) : undefined;
}
