import { constants, createZstdDecompress } from "node:zlib";

/** The most memory a frame may ask for, as a power of two: what engines allow too. */
const largestWindow = 27;

/**
 * Unpacks content that is packed with zstd (RFC 8878). Node's decoder ends with the frame that it began with; layers can have
 * many, one for each file and some to be skipped, as podman's `zstd:chunked` writes them.
 */
export async function* unpackZstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const chunks = packed[Symbol.asyncIterator]();
  const next = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await chunks.next();
    return done === true ? undefined : value;
  };
  try {
    for (let chunk = await next(); chunk !== undefined;) {
      chunk = yield* unpackFrames(chunk, next);
    }
  } finally {
    await chunks.return?.();
  }
}

/** Unpacks until the decoder ends; returns what it left of its last chunk, undefined at the end of the content. */
async function* unpackFrames(
  first: Uint8Array,
  next: () => Promise<Uint8Array | undefined>,
): AsyncGenerator<Buffer, Uint8Array | undefined> {
  const decoder = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: largestWindow } });
  const feed = async (): Promise<Uint8Array | undefined> => {
    for (let chunk: Uint8Array | undefined = first; chunk !== undefined; chunk = await next()) {
      const before = decoder.bytesWritten;
      await new Promise<void>((resolve, reject) => {
        decoder.write(chunk, (error) => (error instanceof Error ? reject(error) : resolve()));
      });
      const taken = decoder.bytesWritten - before;
      if (taken < chunk.byteLength) {
        return chunk.subarray(taken);
      }
    }
    decoder.end();
    return undefined;
  };
  const fed = feed();
  // The decoder's output ends with the same error, or waits for bytes that will not come.
  fed.catch((error: unknown) => decoder.destroy(error instanceof Error ? error : undefined));
  for await (const chunk of decoder as AsyncIterable<Buffer>) {
    yield chunk;
  }
  return await fed;
}
