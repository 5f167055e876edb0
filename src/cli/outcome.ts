import { CountersignError } from "../tuf/error.ts";
import { exitCodeOf } from "./ui.ts";
import type { Ui } from "./ui.ts";

/** What became of one of several images: a result, or why there is none. */
export type Outcome<Result> = { readonly image: string } & ({ readonly result: Result } | { readonly error: unknown });

/** Does the same for each image in turn, also after one has failed. */
export async function forEachImage<Named extends { readonly text: string }, Result>(
  images: readonly Named[],
  work: (image: Named) => Promise<Result>,
): Promise<Outcome<Result>[]> {
  const outcomes: Outcome<Result>[] = [];
  for (const image of images) {
    try {
      outcomes.push({ image: image.text, result: await work(image) });
    } catch (error) {
      outcomes.push({ image: image.text, error });
    }
  }
  return outcomes;
}

/** The exit code for all of them: a refusal outweighs what could not be decided, and that outweighs other failures. */
export function worstExitCode(outcomes: readonly Outcome<unknown>[]): number {
  const codes = outcomes.map((outcome) => ("error" in outcome ? exitCodeOf(outcome.error) : 0));
  return [3, 4, 1, 2].find((code) => codes.includes(code)) ?? 0;
}

/** An error as `--json` shows it. */
export function errorAsJson(error: unknown): unknown {
  if (!(error instanceof CountersignError)) return { kind: "failed", message: String(error) };
  const { code, kind, message, hint } = error;
  return { code, kind, message, hint };
}

/** With `--json` a failure of the work is a document too: what was asked for, and the error. */
export async function failingAsJson(
  { json, ui, asked }: { readonly json: boolean | undefined; readonly ui: Ui; readonly asked: object },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (json !== true) throw error;
    ui.printJson({ ...asked, error: errorAsJson(error) });
    return exitCodeOf(error);
  }
}
