import { join } from "node:path";
import { metadataPath } from "../../notary/paths.ts";
import type { ImageName } from "../../oci/imageName.ts";
import { gunOfImage } from "../../trust/gun.ts";
import { releasesRole } from "../../trust/inspect.ts";
import { defaultExpiryDays } from "../../tuf/role.ts";
import type { Consumer } from "./consumer.ts";
import type { DemoImage } from "./image.ts";
import type { Mirror, MirroredAnswer, Recording, Tampering } from "./mirror.ts";
import type { Publisher } from "./publisher.ts";

/** What an attack finds: an image that is signed, somebody who wants it, and the attacker on their line. */
export interface AttackScene {
  readonly image: ImageName;
  /** What the image is signed as. */
  readonly signed: DemoImage;
  /** What the attacker wants to be taken in its place. */
  readonly forged: DemoImage;
  readonly bob: Consumer;
  readonly mirror: Mirror;
  /** The attacker as a publisher: with the right to push to the registry, and a properly signed image of their own. */
  readonly mallory: Publisher;
  readonly malloryImage: ImageName;
  /** What the consumer was answered before and after the publisher's last publication. */
  readonly before: Recording;
  readonly after: Recording;
  /** An empty directory. */
  readonly directory: string;
}

export interface Attack {
  readonly name: string;
  /** What is done, for the person watching. */
  readonly story: string;
  /** Of the rule that has to refuse it. Being refused for another reason would prove nothing. */
  readonly code: string;
  /** Attacks, and does what a consumer does. It has to be refused: an error is what everybody hopes for. */
  readonly run: (scene: AttackScene) => Promise<unknown>;
}

const dayMs = 24 * 60 * 60_000;

/** One of each kind; the rules that refuse them are those of every other command. */
export const attacks: readonly Attack[] = [
  {
    name: "tampered layer",
    story: "one bit of a layer is changed on its way to Bob",
    code: "OCI_DIGEST",
    run: async ({ mirror, bob, image, signed, directory }) => {
      mirror.tampering = (path, answer) =>
        path.endsWith(`/blobs/${signed.layer.digest}`) ? withBitChanged(answer) : undefined;
      await bob.pull(image, await bob.verify(image), join(directory, "tampered"));
    },
  },
  {
    name: "moved tag",
    story: "other content is pushed under the tag that Alice signed",
    code: "TRUST_NO_TARGET",
    run: async ({ mallory, bob, image, forged }) => {
      await mallory.push(forged, image);
      await bob.verify({ ...image, digest: await bob.resolve(image) });
    },
  },
  {
    name: "rolled-back metadata",
    story: "Bob's cache is gone, and he is answered as before Alice's fix",
    code: "TUF_ROLLBACK",
    run: async ({ mirror, bob, image, before }) => {
      await bob.loseCache();
      mirror.tampering = replay(before);
      await bob.verify(image);
    },
  },
  {
    name: "expired timestamp",
    story: `Bob is answered the same for ${defaultExpiryDays.timestamp + 1} days, so that he learns of no further fix`,
    code: "TUF_EXPIRED",
    run: async ({ mirror, bob, image, after }) => {
      mirror.tampering = replay(after);
      await bob.verify(image, new Date(Date.now() + (defaultExpiryDays.timestamp + 1) * dayMs));
    },
  },
  {
    name: "mixed collections",
    story: "one file comes from Mallory's own collection, where it is properly signed",
    code: "TUF_CHECKSUM",
    run: async ({ mirror, bob, image, malloryImage }) => {
      const theirs = await mirror.fetch(metadataPath(gunOfImage(malloryImage), releasesRole));
      const wanted = metadataPath(gunOfImage(image), releasesRole).replace(/\.json$/, ".");
      await bob.loseCache();
      mirror.tampering = (path) => (path.startsWith(wanted) ? theirs : undefined);
      await bob.verify(image);
    },
  },
];

function withBitChanged(answer: MirroredAnswer): MirroredAnswer {
  const body = Buffer.from(answer.body);
  body[body.length >> 1]! ^= 1;
  return { ...answer, body };
}

function replay(recording: Recording): Tampering {
  return (path) => recording.get(path);
}
