const zero = 0x30;
const nine = 0x39;

/**
 * Orders names as Docker lists tags: runs of digits by their number, everything else by its bytes, digits before other
 * characters; of equal numbers the one with fewer leading zeros first. Negative when `a` comes first.
 */
export function compareNaturally(a: string, b: string): number {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const digits = isDigit(left[i]);
    if (digits !== isDigit(right[j])) {
      return digits ? -1 : 1;
    }
    if (!digits) {
      const difference = left[i]! - right[j]!;
      if (difference !== 0) {
        return difference;
      }
      i++;
      j++;
      continue;
    }
    const one = numberAt(left, i);
    const other = numberAt(right, j);
    const difference =
      one.digits.length - other.digits.length ||
      Buffer.compare(one.digits, other.digits) ||
      one.start - i - (other.start - j);
    if (difference !== 0) {
      return difference;
    }
    i = one.end;
    j = other.end;
  }
  return left.length - i - (right.length - j);
}

/** The run of digits at `from`, its leading zeros cut. */
function numberAt(bytes: Buffer, from: number): { start: number; end: number; digits: Buffer } {
  let start = from;
  while (bytes[start] === zero) {
    start++;
  }
  let end = start;
  while (isDigit(bytes[end])) {
    end++;
  }
  return { start, end, digits: bytes.subarray(start, end) };
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine;
}
