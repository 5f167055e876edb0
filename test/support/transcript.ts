import { readVector } from "./vectors.ts";

/** One command of a transcript taken from the original programs, and all that came of it. */
export interface TranscriptStep {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  /** What was typed on a terminal; undefined when there was none. */
  readonly typed: readonly string[] | undefined;
  /** As given to a shell. */
  readonly command: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Reads a transcript of the client vectors (their README describes the form). */
export function readTranscript(name: string): ReadonlyMap<string, TranscriptStep> {
  const text = readVector(`client/transcripts/${name}.txt`).toString();
  const steps = text
    .split(/^===== /m)
    .slice(1)
    .map(readStep);
  return new Map(steps.map((step) => [step.name, step]));
}

function readStep(text: string): TranscriptStep {
  const [head = "", stdout = "", stderr = "", end = ""] = text.split(/^--- (?:stdout|stderr|exit:)[ \n]?/m);
  const lines = head.split("\n");
  const value = (label: string): string | undefined =>
    lines.find((line) => line.startsWith(`[${label}] `))?.slice(label.length + 3);
  const typed = value("tty replies");
  return {
    name: lines[0] ?? "",
    env: Object.fromEntries(
      lines
        .filter((line) => line.startsWith("[env] "))
        .map((line) => line.slice("[env] ".length).split(/=(.*)/s, 2) as [string, string]),
    ),
    stdin: (value("stdin") ?? "''").slice(1, -1).replaceAll("\\n", "\n"),
    typed: typed === undefined ? undefined : (JSON.parse(typed) as string[]),
    command: (/^\$ (.*)$/ms.exec(head)?.[1] ?? "").trimEnd(),
    stdout,
    stderr,
    code: Number.parseInt(end, 10),
  };
}
