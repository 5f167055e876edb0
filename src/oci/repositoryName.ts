/*
 * The grammar of names inside a registry (distribution-spec, "Pulling manifests"). Where Docker's short forms are meant,
 * see imageName.ts.
 */

/** One component of a repository's path, as the source of a regular expression. */
export const pathComponent = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
/** A tag, as the source of a regular expression. */
export const tagGrammar = "\\w[\\w.-]{0,127}";
/** The longest path of a repository, in characters. */
export const longestPath = 255;

const repositoryPattern = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const tagPattern = new RegExp(`^${tagGrammar}$`);

/** Whether the text can be the path of a repository, `team/app`. */
export function isRepositoryName(text: string): boolean {
  return text.length <= longestPath && repositoryPattern.test(text);
}

/** Whether the text can be a tag. Case matters. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}
