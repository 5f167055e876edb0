/** Control characters but tab and newline, and those that turn the direction of writing. */
// eslint-disable-next-line no-control-regex
const unprintable = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Text from a server, safe to be shown: control characters would let it write over the terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, "\ufffd");
}

// Printable ASCII: nearly every name, told at a glance where there are 100,000 of them.
const plain = /^[ -~]*$/;

/** The same for a name, which must not look like several lines or cells of a table. */
export function printableName(name: string): string {
  return plain.test(name) ? name : printable(name).replace(/[\t\n\u2028\u2029]/g, "\ufffd");
}

/** JSON that is safe to be shown. The values in it stay what they are. */
export function printableJson(json: string): string {
  return json.replace(unprintable, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
