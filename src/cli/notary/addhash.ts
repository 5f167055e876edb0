import type { Action } from "../compat/run.ts";
import type { FlagValues } from "../compat/flags.ts";
import { UsageMistake } from "../compat/flags.ts";
import { parseGoInt } from "../compat/goText.ts";
import { decodeHex } from "../../tuf/encoding.ts";
import { digestLength, hashAlgorithms } from "../../tuf/hash.ts";
import { NotaryClient } from "./client.ts";
import { publishIfAsked } from "./publish.ts";
import { readCustom } from "./userFiles.ts";
import { targetRolesOf } from "./roles.ts";

/** `notary addhash GUN NAME SIZE --sha256 HEX --sha512 HEX` */
export const addhash: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun, name, size] = args;
  const hashed = hashAlgorithms.some((algorithm) => flags.string(algorithm) !== "");
  if (gun === undefined || name === undefined || size === undefined || !hashed) {
    throw new UsageMistake("Must specify a GUN, target, byte size of target data, and at least one hash", {
      showsUsage: true,
    });
  }
  const client = new NotaryClient(invocation);
  const length = Number(parseGoInt(size));
  const collection = await client.collection(gun, "offline");
  const hashes = hashesOf(flags);
  const custom = readCustom(flags);
  await collection.addTarget(name, { length, hashes, ...(custom !== undefined && { custom }) }, targetRolesOf(flags));
  const used = [...hashes.keys()].join(", ");
  ui.print(`Addition of target "${name}" by ${used} hash to repository "${gun}" staged for next publish.\n`);
  await publishIfAsked(invocation, client, gun);
};

function hashesOf(flags: FlagValues): Map<string, Uint8Array> {
  const hashes = new Map<string, Uint8Array>();
  for (const algorithm of hashAlgorithms) {
    const hex = flags.string(algorithm);
    if (hex === "") continue;
    if (Buffer.byteLength(hex) !== digestLength[algorithm] * 2)
      throw new Error(`invalid ${algorithm} hex contents provided`);
    hashes.set(algorithm, decodeHex(hex.toLowerCase()) ?? refuseHex(hex));
  }
  return hashes;
}

function refuseHex(hex: string): never {
  const character = /[^0-9a-f]/iu.exec(hex)?.[0] ?? "";
  const point = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  throw new Error(`encoding/hex: invalid byte: U+${point} '${character}'`);
}
