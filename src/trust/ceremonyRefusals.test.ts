import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { CeremonyMachine } from "../../test/support/ceremonyMachine.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { generateKey } from "../keys/generate.ts";
import { KeyStore } from "../keys/keyStore.ts";
import { fixedPassphrase } from "../keys/passphrase.ts";
import { signerFor } from "../keys/signer.ts";
import { NotaryError } from "../notary/errors.ts";
import { canonicalize } from "../tuf/canonical.ts";
import { fileMetaOf } from "../tuf/hash.ts";
import type { JsonObject } from "../tuf/json.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { delegationKeysAddition, delegationPathsAddition, targetAddition } from "./change.ts";
import { Ceremony } from "./ceremony.ts";
import { describeContents } from "./ceremonyContents.ts";
import type { CeremonyChange } from "./ceremonyChange.ts";
import {
  ceremonyDigest,
  ceremonyFileLimit,
  encodeCeremonyFile,
  type CeremonyContent,
  type RoleSignature,
} from "./ceremonyFile.ts";
import { addSignatures, pendingSignatures } from "./ceremonySigning.ts";

const gun = "example.test/team/app";
const meta = fileMetaOf(Buffer.from("content"));
const day = 86_400_000;

interface Scene {
  readonly url: string;
  readonly online: CeremonyMachine;
  readonly offline: CeremonyMachine;
  /** A new root key for the offline machine, and other keys for targets: both roles are to be signed. One has signed. */
  readonly ceremony: Ceremony;
}

async function scene(t: TestContext): Promise<Scene> {
  const { url } = await ListeningServer.start(t);
  const online = new CeremonyMachine(t, gun, url);
  await online.collection.init({ serverManaged: ["snapshot"] });
  await online.collection.publishChanges([targetAddition("targets", "v1", meta)]);
  const offline = new CeremonyMachine(t, gun);
  const file = await online.start([
    { kind: "add-key", role: "root", key: await offline.makeRootKey() },
    { kind: "add-key", role: "targets", key: await offline.makeKey("targets") },
  ]);
  return { url, online, offline, ceremony: online.read(await offline.sign(file)) };
}

/** The file as somebody would write it who knows how its digest is made. */
function forged(
  { content, signatures, summary, needs }: Ceremony,
  patch: Partial<CeremonyContent>,
  others: readonly RoleSignature[] = signatures,
): Uint8Array {
  const changed = { ...content, ...patch };
  const stated = needs.map(({ role, by, threshold, keys }) => ({
    role,
    by,
    threshold,
    keys: keys.map(({ id }) => id),
  }));
  return encodeCeremonyFile({
    content: changed,
    digest: ceremonyDigest(changed),
    signatures: others,
    summary,
    needs: stated,
  });
}

/** What a root says, as far as the cases change it. */
interface SignedRoot {
  readonly roles: Record<"root" | "targets" | "snapshot", { keyids: string[]; threshold: number }>;
  readonly keys: Record<string, unknown>;
}

/** The file with another payload for a role. */
function withPayload(
  ceremony: Ceremony,
  role: string,
  edit: (signed: SignedRoot) => void,
  encode: (signed: JsonObject) => Uint8Array = canonicalize,
): Uint8Array {
  const payloads = ceremony.content.payloads.map((payload) => {
    if (payload.role !== role) return payload;
    const signed = parseJson(payload.bytes) as JsonObject;
    edit(signed as unknown as SignedRoot);
    return { role, bytes: encode(signed) };
  });
  return forged(ceremony, { payloads });
}

/** The file after somebody opened it in an editor. */
function edited(ceremony: Ceremony, pattern: RegExp | string, replacement: string): Uint8Array {
  const text = Buffer.from(ceremony.encode()).toString();
  const changed = text.replace(pattern, replacement);
  assert.notEqual(changed, text, "the edit has to change something");
  return Buffer.from(changed);
}

type Case = readonly [code: string, message: RegExp, file: (ceremony: Ceremony) => Uint8Array | Promise<Uint8Array>];

const file = "TRUST_CEREMONY_FILE";
const proposal = "TRUST_CEREMONY_PROPOSAL";
const signature = "TRUST_CEREMONY_SIGNATURE";

const refused: Readonly<Record<string, Case>> = {
  "an empty file": [file, /unexpected end|empty|JSON/i, () => new Uint8Array()],
  "a file cut short": [file, /JSON|end/i, (c) => c.encode().subarray(0, -100)],
  "a file with more at its end": [file, /JSON|after|end/i, (c) => Buffer.concat([c.encode(), Buffer.from("{}")])],
  "a file of another kind": [file, /no file of a ceremony/, () => Buffer.from('{"signed":{},"signatures":[]}')],
  "a file of a later format": [file, /format version is 2/, (c) => edited(c, '"version": 1', '"version": 2')],
  "a file above the limit": [file, /more than the limit of/, () => new Uint8Array(ceremonyFileLimit + 1)],
  "a member that does not belong there": [
    file,
    /a member "note" that does not belong/,
    (c) => edited(c, '"summary"', '"note": 1, "summary"'),
  ],
  "a member twice": [file, /twice|duplicate/i, (c) => edited(c, '"summary"', '"digest": "", "summary"')],
  "an edited summary": [file, /summary is not what the bytes/, (c) => edited(c, "by 1 of 2 keys", "by 1 of 1 keys")],
  "edited needs": [file, /not those that the roots/, (c) => edited(c, '"threshold": 1', '"threshold": 0')],
  "an edited payload": [
    file,
    /damaged or edited on the way/,
    (c) => edited(c, /("payloads": \[\s+\{\s+"role": "root",\s+"bytes": ".{40})./, "$1_"),
  ],
  "another digest": [
    file,
    /damaged or edited/,
    (c) => edited(c, /"digest": "sha256:.{8}/, '"digest": "sha256:00000000'),
  ],
  "a longer time to sign it": [
    file,
    /damaged or edited/,
    (c) => edited(c, /"valid_until": "20../, '"valid_until": "2099'),
  ],
  "more signatures than the limit": [
    file,
    /257 signatures, more than the limit/,
    (c) =>
      forged(
        c,
        {},
        Array.from({ length: 257 }, () => c.signatures[0]!),
      ),
  ],
  "a role twice": [
    file,
    /lists a role twice/,
    (c) => forged(c, { payloads: [...c.content.payloads, c.content.payloads[0]!] }),
  ],
  "a staged change elsewhere": [
    file,
    /staged change that cannot be one/,
    (c) => forged(c, { staged: ["../x.change"] }),
  ],
  "the proposal of another collection": [
    proposal,
    /the roots: could not validate the path to a trusted root/,
    (c) => forged(c, { gun: "example.test/team/other" }),
  ],
  "roots with a gap": [
    proposal,
    /the roots: /,
    (c) => forged(c, { roots: [c.content.roots[0]!, c.content.roots[0]!, new Uint8Array()] }),
  ],
  "a change of a collection that pretends to be new": [
    proposal,
    /the roots: it names no root that it follows|its version is 2 where 1 has to follow/,
    (c) => forged(c, { roots: [] }),
  ],
  "targets without any root": [
    proposal,
    /it names no root that it follows, and makes none/,
    (c) => forged(c, { roots: [], files: [], payloads: c.content.payloads.slice(1) }),
  ],
  "current targets that are not signed": [
    proposal,
    /the current targets: /,
    (c) => forged(c, { files: c.content.files.map((each) => ({ ...each, bytes: c.payloadOf("targets") })) }),
  ],
  "payloads in another order": [
    proposal,
    /order of an upload/,
    (c) => forged(c, { payloads: c.content.payloads.toReversed() }),
  ],
  "a payload for the timestamp": [
    proposal,
    /timestamp/,
    (c) => forged(c, { payloads: [{ role: "timestamp", bytes: c.payloadOf("targets") }] }),
  ],
  "other keys for targets, which are not signed anew": [
    proposal,
    /targets are not to be signed anew/,
    (c) => forged(c, { payloads: c.content.payloads.slice(0, 1) }),
  ],
  "an edited payload under a new digest": [
    signature,
    /not made over these bytes: one of the two was edited/,
    (c) => withPayload(c, "root", (signed) => Object.assign(signed, { expires: "2099-01-01T00:00:00Z" })),
  ],
  "a payload with a member nobody is shown": [
    proposal,
    /root: it says more than what can be shown/,
    (c) => withPayload(c, "root", (signed) => Object.assign(signed, { extra: 1 })),
  ],
  "a payload that is not canonical": [
    proposal,
    /not in canonical form/,
    (c) =>
      withPayload(
        c,
        "root",
        () => {},
        (signed) => Buffer.from(JSON.stringify(signed).replace("{", "{ ")),
      ),
  ],
  "a payload of another type": [
    proposal,
    /root type metadata invalid/,
    (c) => withPayload(c, "root", (signed) => Object.assign(signed, { _type: "Targets" })),
  ],
  "a root of the version there is": [
    proposal,
    /its version is 1 where 2 has to follow/,
    (c) => withPayload(c, "root", (signed) => Object.assign(signed, { version: 1 })),
  ],
  "a root that leaves a version out": [
    proposal,
    /its version is 3 where 2 has to follow/,
    (c) => withPayload(c, "root", (signed) => Object.assign(signed, { version: 3 })),
  ],
  "targets of a lower version": [
    proposal,
    /its version is 1 where 3 has to follow/,
    (c) => withPayload(c, "targets", (signed) => Object.assign(signed, { version: 1 })),
  ],
  "a payload that has expired": [
    proposal,
    /targets expired at/,
    (c) => withPayload(c, "targets", (signed) => Object.assign(signed, { expires: "2020-01-01T00:00:00Z" })),
  ],
  "a threshold that nobody can reach": [
    proposal,
    /would need 3 keys to sign and has 2/,
    (c) => withPayload(c, "root", ({ roles }) => Object.assign(roles.targets, { threshold: 3 })),
  ],
  "a root key without a certificate": [
    proposal,
    /is not in a certificate that counts/,
    (c) => {
      const { id, bytes } = generateKey("ecdsa").publicKey;
      const key = { keytype: "ecdsa", keyval: { private: null, public: Buffer.from(bytes).toString("base64") } };
      return withPayload(c, "root", ({ keys, roles }) => {
        Object.assign(keys, { [id]: key });
        roles.root.keyids.push(id);
      });
    },
  ],
  "a key under another ID": [
    proposal,
    /key ID is not valid/,
    (c) =>
      withPayload(c, "root", ({ keys, roles }) => {
        const [id = ""] = roles.snapshot.keyids;
        Object.assign(keys, { ["0".repeat(64)]: keys[id] });
        Object.assign(roles.snapshot, { keyids: ["0".repeat(64)] });
      }),
  ],
  "a signature twice": [signature, /is there twice/, (c) => forged(c, {}, [...c.signatures, c.signatures[0]!])],
  "a signature by a key of no role": [
    signature,
    /is by a key that has no part in it/,
    async (c) => {
      const stranger = await signerFor(generateKey("ecdsa")).sign(c.payloadOf("targets"));
      return forged(c, {}, [...c.signatures, { role: "targets", ...stranger }]);
    },
  ],
  "a root's signature for targets": [
    signature,
    /no part in it/,
    (c) => forged(c, {}, [...c.signatures, { ...c.signaturesOf("root")[0]!, role: "targets" }]),
  ],
  "a signature for a role that is not proposed": [
    signature,
    /no part in it/,
    (c) => forged(c, {}, [...c.signatures, { ...c.signatures[0]!, role: "targets/other" }]),
  ],
  "a broken signature": [
    signature,
    /not made over these bytes/,
    (c) =>
      forged(
        c,
        {},
        c.signatures.map((each) => ({ ...each, bytes: each.bytes.toReversed() })),
      ),
  ],
};

test("what is not sound is refused, and says why", async (t) => {
  const { ceremony } = await scene(t);
  const now = new Date();
  assert.ok(Ceremony.read(ceremony.encode(), now).signatures.length === 2);
  for (const [what, [code, message, make]] of Object.entries(refused)) {
    const bytes = await make(ceremony);
    assert.throws(() => Ceremony.read(bytes, now), failsWith(code, message), what);
  }
});

test("a proposal is refused when its time is over", async (t) => {
  const { ceremony, online } = await scene(t);
  const [before, after] = [29, 31].map((days) => new Date(Date.now() + days * day));
  assert.ok(Ceremony.read(ceremony.encode(), before!));
  assert.throws(() => Ceremony.read(ceremony.encode(), after!), failsWith("TRUST_CEREMONY_EXPIRED", /was valid until/));
  online.now = () => after!;
  await assert.rejects(online.finish(ceremony.encode()), failsWith("TRUST_CEREMONY_EXPIRED"));
});

test("files that propose different things are not joined", async (t) => {
  const { ceremony, online } = await scene(t);
  const other = online.read(await online.start([{ kind: "renew", role: "root" }]));
  assert.throws(() => ceremony.joinedWith(other), failsWith("TRUST_CEREMONY_DIGEST", /propose different things/));
});

describe("a machine that knows the collection", () => {
  const renew: readonly CeremonyChange[] = [{ kind: "renew", role: "root" }];

  test("follows the roots in the file from the one it has cached or seen", async (t) => {
    const { online, url } = await scene(t);
    const [cached, remembered] = [0, 1].map(() => new CeremonyMachine(t, gun, url)) as [
      CeremonyMachine,
      CeremonyMachine,
    ];
    for (const machine of [cached, remembered]) await machine.collection.update();
    await remembered.cache.remove("root");
    for (let round = 0; round < 2; round++) await online.finish(await online.sign(await online.start(renew)));
    const proposed = await online.start(renew);
    assert.equal(online.read(proposed).content.roots.length, 3);
    assert.equal(await cached.check(proposed), "cached root");
    assert.equal(await remembered.check(proposed), "remembered root");
    const short = forged(online.read(proposed), { roots: online.read(proposed).content.roots.slice(-1) });
    await assert.rejects(
      cached.check(short),
      failsWith(proposal, /does not follow from the root that this machine knows/),
    );
    await assert.rejects(
      remembered.check(short),
      failsWith(proposal, /version 1 of root, as this machine has seen it/),
    );
  });

  test("refuses a step back, of root or of targets", async (t) => {
    const { online, url, ceremony } = await scene(t);
    const old = await online.start(renew);
    const oldTargets = await online.start([{ kind: "renew", role: "targets" }]);
    const witness = new CeremonyMachine(t, gun, url);
    await online.collection.publishChanges([targetAddition("targets", "v2", meta)]);
    await witness.collection.update();
    await assert.rejects(
      witness.check(oldTargets),
      failsWith(proposal, /seen something newer.*version 2 is lower than current version 3/),
    );
    assert.equal(await witness.check(old), "cached root", "a new root leaves targets as they are");
    await online.finish(await online.sign(old));
    await witness.collection.update();
    for (const late of [old, ceremony.encode()]) {
      await assert.rejects(witness.check(late), failsWith(proposal, /version 1 is lower than current version 2/));
    }
    await witness.cache.remove("root");
    await assert.rejects(witness.check(old), failsWith(proposal, /version 2 of root, as this machine has seen it/));
  });

  test("refuses a collection of the same name under other keys", async (t) => {
    const { ceremony } = await scene(t);
    const other = new CeremonyMachine(t, gun, (await ListeningServer.start(t)).url);
    await other.collection.init({ serverManaged: ["snapshot"] });
    await other.collection.publish();
    await other.collection.update();
    await assert.rejects(other.check(ceremony.encode()), failsWith(proposal, /does not follow from the root/));
    await assert.rejects(other.finish(ceremony.unsigned().encode()), failsWith("TRUST_CEREMONY_INCOMPLETE"));
  });

  test("can be told which keys the current root has to have", async (t) => {
    const { ceremony, offline } = await scene(t);
    const key = ceremony.needs[0]!.keys[0]!;
    assert.equal(await offline.check(ceremony.encode()), "nothing");
    assert.equal(await offline.check(ceremony.encode(), [key.id]), "given keys");
    await assert.rejects(
      offline.check(ceremony.encode(), [key.id, "0".repeat(64)]),
      failsWith(proposal, /does not have the key/),
    );
    // A root that lists the right key beside that of whoever made it up is not one that the right key has signed.
    const impostor = new CeremonyMachine(t, gun, (await ListeningServer.start(t)).url);
    await impostor.collection.init({ rootCertificates: [], serverManaged: ["snapshot"] });
    await impostor.collection.publish();
    const added = await impostor.start([{ kind: "add-key", role: "root", key }]);
    await impostor.finish(await impostor.sign(added));
    const madeUp = await impostor.start([{ kind: "renew", role: "root" }]);
    assert.equal(await offline.check(madeUp), "nothing");
    await assert.rejects(offline.check(madeUp, [key.id]), failsWith(proposal, /not signed by the keys given/));
    const { proposal: shown } = offline.read(madeUp);
    assert.equal(offline.read(madeUp).summary.length, 3, "nothing but the expiry seems to change");
    const whole = describeContents(shown).join("\n");
    for (const { id } of shown.root!.file.body.keys.values()) assert.ok(whole.includes(id), whole);
  });
});

test("changes that do not fit the collection are refused before anything is written", async (t) => {
  const { online } = await scene(t);
  const { publicKey: bare } = generateKey("ecdsa");
  const role = "targets/bob";
  await online.collection.publishChanges([
    delegationKeysAddition(role, [bare]),
    delegationPathsAddition(role, ["bob/"]),
  ]);
  const [rootKey] = (await online.collection.update()).root.body.roles.get("root")!.keyIds;
  const foreign = await new CeremonyMachine(t, "example.test/other").makeRootKey();
  const unfit: Readonly<Record<string, readonly [RegExp, readonly CeremonyChange[]]>> = {
    "nothing staged": [/leaves the collection as it is/, [{ kind: "staged" }]],
    "a threshold above the keys": [/would need 2 keys/, [{ kind: "threshold", role: "root", threshold: 2 }]],
    "the same for a delegation": [/would need 2 keys/, [{ kind: "threshold", role, threshold: 2 }]],
    "a bare root key": [/has to come in a certificate/, [{ kind: "add-key", role: "root", key: bare }]],
    "a root key for another collection": [
      /not in a certificate that counts/,
      [{ kind: "add-key", role: "root", key: foreign }],
    ],
    "the last root key": [/unable to retrieve valid leaf/, [{ kind: "remove-key", role: "root", keyId: rootKey! }]],
    "a key that is not there": [
      /does not have the key/,
      [{ kind: "remove-key", role: "targets", keyId: "0".repeat(64) }],
    ],
    "the last key of a delegation": [/would need 1 keys/, [{ kind: "remove-key", role, keyId: bare.id }]],
    "a delegation that is not there": [
      /no delegation targets\/none/,
      [{ kind: "threshold", role: "targets/none", threshold: 1 }],
    ],
    "a delegation below one without a file": [
      /no file that could be verified/,
      [{ kind: "add-key", role: "targets/bob/x", key: bare }],
    ],
    "a target outside the paths": [/Could not add all targets/, [{ kind: "add-target", role, name: "v1", meta }]],
    "a target that is not there": [/no target "none"/, [{ kind: "remove-target", role: "targets", name: "none" }]],
    "a role that is not there": [/this role is not known/, [{ kind: "renew", role: "targets/none" }]],
  };
  for (const [what, [message, changes]] of Object.entries(unfit)) {
    await assert.rejects(online.start(changes), failsWith("TRUST_CEREMONY_CHANGE", message), what);
  }
});

test("a wrong passphrase leaves the ceremony as it was", async (t) => {
  const { online, ceremony } = await scene(t);
  const keys = new KeyStore(online.home);
  const pending = await pendingSignatures(ceremony, keys);
  assert.equal(pending.length, 2);
  await assert.rejects(
    addSignatures(ceremony, pending, { keys, passphrases: fixedPassphrase("wrong") }),
    failsWith("KEYS_PASSPHRASE_WRONG"),
  );
  assert.equal(ceremony.signatures.length, 2);
});

test("a server that refuses the upload has nothing of it", async (t) => {
  const { online, ceremony, url } = await scene(t);
  const { keys } = online;
  const pending = await pendingSignatures(ceremony, keys);
  const signed = await addSignatures(ceremony, pending, { keys, passphrases: fixedPassphrase("a passphrase") });
  const before = await new CeremonyMachine(t, gun, url).collection.update();
  online.remote!.beforePublish = () => Promise.reject(new Error("the line is cut"));
  await assert.rejects(online.finish(signed.encode()), /the line is cut/);
  const after = await new CeremonyMachine(t, gun, url).collection.update();
  assert.deepEqual([after.root.version, after.snapshot.version], [before.root.version, before.snapshot.version]);
});

test("an upload whose answer was lost is found to be done", async (t) => {
  const { online, ceremony, url } = await scene(t);
  const signed = await online.sign(ceremony.encode());
  const remote = online.remote!;
  const publish = remote.publish.bind(remote);
  let uploads = 0;
  remote.publish = async (...upload) => {
    uploads++;
    await publish(...upload);
    throw new NotaryError("NOTARY_UNREACHABLE", "the line is cut");
  };
  await assert.rejects(online.finish(signed), failsWith("NOTARY_UNREACHABLE"));
  assert.equal((await online.finish(signed)).published, false);
  assert.equal(uploads, 1);
  assert.equal((await new CeremonyMachine(t, gun, url).collection.update()).root.version, 2);
});
