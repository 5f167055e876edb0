import { isIPv4 } from "node:net";

/** Whether a URL's host name is this very machine: localhost, 127.0.0.0/8 or [::1]. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    hostname === "::1" ||
    (isIPv4(hostname) && hostname.startsWith("127."))
  );
}
