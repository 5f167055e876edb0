/**
 * How a client tells a registry that serves only what is signed that it takes unsigned content too, because it is about to sign or
 * replace it. Nobody who is going to use the content may say so.
 */
export const unsignedContent = { header: "countersign-unsigned", value: "accept" } as const;
