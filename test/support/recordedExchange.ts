import { readVectorLines } from "./vectors.ts";

/** A request to the original server and its answer, as the edge cases and the uploads were recorded. */
export interface RecordedExchange {
  readonly label?: string;
  readonly method: string;
  readonly path: string;
  readonly req_headers: Readonly<Record<string, string>>;
  readonly req_body?: string;
  /** Absent when the original crashed and closed the connection. */
  readonly status?: number;
  readonly res_headers?: Readonly<Record<string, string>>;
  readonly res_body?: string;
}

/** An exchange of the original client, as the client flow was recorded. */
interface RecordedClientExchange {
  readonly step: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body: string;
  };
  readonly response: {
    readonly status_line: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body: string;
  };
}

/** The 95 odd requests against a PostgreSQL store. */
export function edgeCases(): readonly RecordedExchange[] {
  return readVectorLines("server/http/edge-cases-postgres.jsonl");
}

/** The 402 recorded uploads with the requests around them. */
export function recordedUploads(): readonly RecordedExchange[] {
  return readVectorLines("server/uploads/uploads.jsonl");
}

/** The 99 exchanges of the original command line client, in the form of the others. */
export function clientFlow(): readonly RecordedExchange[] {
  return readVectorLines<RecordedClientExchange>("server/http/client-flow-postgres.jsonl").map(
    ({ step, request, response }) => ({
      label: step,
      method: request.method,
      path: request.path,
      req_headers: Object.fromEntries(request.headers),
      req_body: request.body,
      status: Number(response.status_line.split(" ")[1]),
      res_headers: Object.fromEntries(response.headers),
      res_body: response.body,
    }),
  );
}
