/** Identifier octets of the ASN.1 types in use (class, constructed bit and number in one). */
export const derTag = Object.freeze({
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
});

/** The identifier octet of the context-specific type `[n]`, constructed unless told otherwise. */
export function derContextTag(n: number, form: "constructed" | "primitive" = "constructed"): number {
  return (form === "constructed" ? 0xa0 : 0x80) | n;
}
