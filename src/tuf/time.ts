import { TufError } from "./errors.ts";

/** A moment as metadata writes it: the text is what was signed, `ms` is what is compared (fractions below 1 ms cut). */
export interface Time {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly ms: number;
  readonly text: string;
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const minute = 60_000;

/**
 * Reads RFC 3339 as Go's decoder does: capital `T` and `Z`, a fraction of any length, any offset. The calendar is checked
 * (no 31 February, no second 60), because a date that silently rolls over is a date nobody signed.
 * @throws TufError TUF_MALFORMED
 */
export function parseTime(text: string): Time {
  const parts = rfc3339.exec(text);
  if (parts === null) {
    throw notATime(text);
  }
  const [year = 0, month = 0, day = 0, hour = 0, minutes = 0, second = 0] = parts.slice(1, 7).map(Number);
  const fraction = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const utc = new Date(0);
  utc.setUTCFullYear(year, month - 1, day);
  utc.setUTCHours(hour, minutes, second, fraction);
  const rolledOver =
    utc.getUTCFullYear() !== year ||
    utc.getUTCMonth() !== month - 1 ||
    utc.getUTCDate() !== day ||
    utc.getUTCHours() !== hour ||
    utc.getUTCMinutes() !== minutes ||
    utc.getUTCSeconds() !== second;
  const offset = offsetMinutes(text);
  if (rolledOver || offset === undefined) {
    throw notATime(text);
  }
  return { ms: utc.getTime() - offset * minute, text };
}

/** The moment `date` as a Time in Notary's writing. */
export function timeFrom(date: Date): Time {
  return { ms: date.getTime(), text: formatTime(date) };
}

/** `days` days after `now`. */
export function timeAfterDays(now: Date, days: number): Time {
  return timeFrom(new Date(now.getTime() + days * 24 * 60 * minute));
}

/** Whether metadata valid until `expires` is past its time. The moment itself counts as past (TUF §5), and so does a broken clock. */
export function isExpired(expires: Time, now: Date): boolean {
  return !(now.getTime() < expires.ms);
}

/** RFC 3339 in UTC as Go writes it: trailing zeros of the fraction cut, no fraction when it is zero. */
export function formatTime(date: Date): string {
  return date.toISOString().replace(/\.?0*Z$/, "Z");
}

/**
 * The form of dates in Notary's messages, `Fri Nov 20 03:51:36 UTC 2026`. A time written with an offset keeps it
 * (`Thu Aug 7 20:55:22 -0700 2025`), as the original prints zones without a name.
 */
export function formatGoUnixDate(time: Time | Date): string {
  const at = time instanceof Date ? timeFrom(time) : time;
  const offset = offsetMinutes(at.text) ?? 0;
  const local = new Date(at.ms + offset * minute);
  const two = (n: number): string => String(n).padStart(2, "0");
  const clock = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(two).join(":");
  const distance = Math.abs(offset);
  const zone = offset === 0 ? "UTC" : `${offset < 0 ? "-" : "+"}${two(Math.trunc(distance / 60))}${two(distance % 60)}`;
  const year = String(local.getUTCFullYear()).padStart(4, "0");
  return `${days[local.getUTCDay()]} ${months[local.getUTCMonth()]} ${local.getUTCDate()} ${clock} ${zone} ${year}`;
}

function offsetMinutes(text: string): number | undefined {
  if (text.endsWith("Z")) {
    return 0;
  }
  const hours = Number(text.slice(-5, -3));
  const minutes = Number(text.slice(-2));
  const sign = text.at(-6) === "-" ? -1 : 1;
  return hours < 24 && minutes < 60 ? sign * (hours * 60 + minutes) : undefined;
}

function notATime(text: string): TufError {
  return new TufError("TUF_MALFORMED", `${JSON.stringify(text.slice(0, 64))} is not a time in RFC 3339`);
}
