/** The address of the next page in a `Link` header (RFC 8288), relative or absolute; undefined on the last page. */
export function nextPage(header: string | readonly string[] | undefined): string | undefined {
  const text = typeof header === "object" ? header.join(", ") : (header ?? "");
  for (const [, target, parameters = ""] of text.matchAll(/<([^>]*)>((?:[^,"]|"[^"]*")*)/g)) {
    if (/;\s*rel\s*=\s*"?(?:[^";]*\s)?next(?:[\s";]|$)/i.test(parameters)) {
      return target;
    }
  }
  return undefined;
}
