import { ownRoot } from "./layout.ts";

/** Where the time is kept at which an object was touched: its own time is the service's, and cannot be set. */
export function leaseKey(key: string): string {
  return `${ownRoot}/leases/${key}`;
}
