import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Key files, metadata and staged changes, with their modes, as they are without what is different in each run.
 * @param covers which paths below `home` count, of those with the endings of such files
 * @param mask takes out of names and descriptions what else is different
 */
export function trustFiles(home: string, covers: (path: string) => boolean, mask: (text: string) => string): string[] {
  return readdirSync(home, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(?:key|json|change)$/.test(path) && covers(path))
    .map((path) => {
      const mode = (statSync(join(home, path)).mode & 0o777).toString(8);
      return `${mode} ${mask(path)}: ${mask(describeFile(path, readFileSync(join(home, path), "utf8")))}`;
    })
    .toSorted();
}

interface Metadata {
  readonly signed: {
    readonly version: number;
    readonly roles?: Readonly<Record<string, { readonly threshold: number }>>;
    readonly keys?: Readonly<Record<string, { readonly keytype: string }>>;
    readonly meta?: Readonly<Record<string, unknown>>;
    readonly targets?: Readonly<Record<string, unknown>>;
    readonly delegations?: {
      readonly roles: readonly { readonly name: string; readonly keyids: readonly string[] | null }[];
    };
  };
  readonly signatures: readonly { readonly method: string }[];
}

function describeFile(path: string, text: string): string {
  if (path.endsWith(".change")) return text;
  if (path.endsWith(".key")) return text.split("\n\n", 1)[0] ?? "";
  const { signed, signatures } = JSON.parse(text) as Metadata;
  return JSON.stringify({
    ...signed,
    expires: undefined,
    ...(signed.keys && {
      keys: Object.values(signed.keys)
        .map(({ keytype }) => keytype)
        .toSorted(),
    }),
    ...(signed.meta && { meta: Object.keys(signed.meta) }),
    ...(signed.delegations && {
      delegations: signed.delegations.roles.map((role) => ({ ...role, keyids: role.keyids?.length ?? 0 })),
    }),
    ...(signed.roles && { roles: Object.entries(signed.roles).map(([name, { threshold }]) => [name, threshold]) }),
    methods: signatures.map(({ method }) => method).toSorted(),
  });
}

/** IDs by the order in which they come up, times, change files, and how a layer got to the registry. */
export function maskTrust(text: string, ids: Map<string, string> = new Map()): string {
  return text
    .replaceAll(/(?<!sha256:)\b[0-9a-f]{64}\b/g, (id) => {
      if (!ids.has(id)) ids.set(id, `<id ${ids.size}>`);
      return ids.get(id) ?? id;
    })
    .replaceAll(/time="[^"]+"/g, 'time="…"')
    .replaceAll(/with ID [0-9a-f]{7}/g, "with ID <id>")
    .replaceAll(/^(\S+ {3,})[0-9a-f]{12}(, [0-9a-f]{12})*$/gm, "$1<ids>")
    .replaceAll(/\d{20}_[0-9a-f-]{36}/g, "<change>")
    .replaceAll(/^([0-9a-f]{12}): (?:Pushed|Mounted from .*|Layer already exists)$/gm, "$1: (there)");
}
