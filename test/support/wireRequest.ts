import { request as httpRequest, type IncomingHttpHeaders } from "node:http";

export interface WireRequestOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Pieces are sent with chunked encoding, as nobody knows their length beforehand. */
  readonly body?: string | Uint8Array | readonly Uint8Array[];
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
}

/** One request to a server on loopback, on a connection of its own, the path sent exactly as given. */
export function wireRequest(
  port: number,
  method: string,
  path: string,
  { headers = {}, body }: WireRequestOptions = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, headers: { ...headers } as Record<string, string> };
    const sent = httpRequest({ ...options, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode = 0, rawHeaders } = response;
        resolve({ status: statusCode, headers: response.headers, rawHeaders, bytes: Buffer.concat(chunks) });
      });
    });
    sent.on("error", reject);
    if (Array.isArray(body)) {
      for (const piece of body as readonly Uint8Array[]) sent.write(piece);
      sent.end();
    } else {
      sent.end(body as string | Uint8Array | undefined);
    }
  });
}
