import type { FlagValues } from "../compat/flags.ts";

/** What `--paths` and `--all-paths` say; undefined when neither is there. An empty path stands for all paths. */
export function pathsOf(flags: FlagValues): readonly string[] | undefined {
  const paths = flags.strings("paths");
  if (flags.bool("all-paths") || paths.includes("")) return [""];
  return flags.given("paths") ? paths : undefined;
}

/** Sorted, the empty one explained. */
export function shownPaths(paths: readonly string[]): readonly string[] {
  return paths.toSorted().map((path) => (path === "" ? '"" <all paths>' : path));
}
