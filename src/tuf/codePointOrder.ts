/** Orders strings by code point, which is the order of their UTF-8 bytes (UTF-16 order differs beyond U+FFFF). */
export function compareCodePoints(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // Surrogates stand for code points above every other unit, also above U+E000 to U+FFFF.
      const raise = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
      return raise(x) - raise(y);
    }
  }
  return a.length - b.length;
}
