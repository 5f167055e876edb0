import type { ZodError } from "zod";

/** Says of each wrong value where it is, what is wrong with it, and what was given. The schema has to report its input. */
export function describeConfigProblems({ issues }: ZodError): string {
  return issues
    .map(({ path, message, input }) => {
      const given = input === undefined ? "" : ` (given: ${JSON.stringify(input)})`;
      return `${path.join(".") || "the configuration"}: ${message}${given}`;
    })
    .join("; ");
}
