/*
 * The paths of a delegation are plain string prefixes: it may speak for the names that start with one of them. `""` is
 * everything, no path nothing.
 */

/** Whether `name` starts with one of `paths`. For many names see `PathPrefixes`. */
export function pathsAllow(paths: readonly string[], name: string): boolean {
  return paths.some((path) => name.startsWith(path));
}

/** Those of a child's paths that its parent's effective paths cover. */
export function effectivePaths(parent: readonly string[], child: readonly string[]): readonly string[] {
  const allowed = new PathPrefixes(parent);
  return child.filter((path) => allowed.allow(path));
}

/**
 * `pathsAllow` for many names: whoever may delegate can list as many paths as fit into a file, and comparing each name with each
 * of them would take hours.
 */
export class PathPrefixes {
  /** In order, and none of them a prefix of another. */
  readonly #paths: string[] = [];

  constructor(paths: readonly string[]) {
    for (const path of paths.toSorted(compareUnits)) {
      const last = this.#paths.at(-1);
      if (last === undefined || !path.startsWith(last)) {
        this.#paths.push(path);
      }
    }
  }

  /** Whether `name` starts with one of the paths. Only the last path that does not come after it in order can be that one. */
  allow(name: string): boolean {
    let low = 0;
    let high = this.#paths.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#paths[middle]! <= name) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const last = this.#paths[low - 1];
    return last !== undefined && name.startsWith(last);
  }
}

/** The order of `<` on strings. */
function compareUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
