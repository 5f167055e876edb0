import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createLogger } from "../../http/logger.ts";
import { familiarText, type ImageName } from "../../oci/imageName.ts";
import type { Decision } from "../../trust/decision.ts";
import { CountersignError } from "../../tuf/error.ts";
import { startSite } from "../site.ts";
import type { Attack, AttackScene } from "./attacks.ts";
import { Consumer } from "./consumer.ts";
import { DemoImage } from "./image.ts";
import { Mirror } from "./mirror.ts";
import { Publisher, type SiteAccess } from "./publisher.ts";

/** Something that was done, and what came of it. */
export interface Step {
  readonly title: string;
  /** What does the same at the command line. */
  readonly command: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** An attack and how it ended: refused by its rule, with another error, or with success. */
export interface AttackOutcome extends Pick<Attack, "name" | "story"> {
  readonly isRefused: boolean;
  readonly error: unknown;
}

/** Is told of everything as it happens. */
export interface TourAudience {
  step(step: Step): void;
  attack(outcome: AttackOutcome): void;
}

const tag = "1.0";

/**
 * Shows what content trust is, with the real parts over real connections: a site is started, Alice pushes and signs, Bob verifies
 * and pulls; then Mallory, who sits on Bob's line, tries one attack after the other. Everything is below `directory`, and nothing
 * stays running.
 */
export class Tour {
  readonly #directory: string;
  readonly #audience: TourAudience;
  readonly #attacks: readonly Attack[];
  readonly #closing: (() => unknown)[] = [];
  readonly #flawed = new DemoImage("hello from Alice");
  readonly #fixed = new DemoImage("hello from Alice, without the flaw");
  readonly #forged = new DemoImage("hello from Mallory");

  constructor(directory: string, audience: TourAudience, attacks: readonly Attack[]) {
    this.#directory = directory;
    this.#audience = audience;
    this.#attacks = attacks;
  }

  async run(): Promise<void> {
    const access = await this.#start();
    const image = { domain: access.host, path: "team/app", tag };
    const { alice, rootKeyIds } = await this.#publish(image, access);
    const mirror = await Mirror.start(access.url, access.ca);
    this.#closing.push(() => mirror.close());
    const bob = new Consumer({ home: this.#place("bob"), line: mirror.host, rootKeyIds });
    this.#closing.push(() => bob.close());
    const before = await mirror.record(() => this.#consume(bob, image));
    const after = await mirror.record(() => this.#fix(alice, bob, image));

    const malloryImage = { ...image, path: "mallory/app" };
    const mallory = await this.#prepareMallory(malloryImage, access);
    const scene: AttackScene = {
      ...{ image, signed: this.#fixed, forged: this.#forged, bob, mirror, mallory, malloryImage },
      ...{ before, after, directory: this.#directory },
    };
    for (const attack of this.#attacks) await this.#attack(attack, scene);
    this.#step("Bob, left alone, still has what Alice signed", "verify", image, factsOf(await bob.verify(image)));
  }

  /** Stops all that was started. */
  async close(): Promise<void> {
    for (const close of this.#closing.toReversed()) await close();
  }

  async #start(): Promise<SiteAccess> {
    const site = await startSite({
      data: this.#place("site"),
      ...{ host: "127.0.0.1", port: 0, plainHttp: false },
      environment: {},
      logger: createLogger({ level: "error" }),
    });
    this.#closing.push(() => site.close());
    this.#step("A registry is started, with its trust server", "up", undefined, { address: site.url });
    const { host } = new URL(site.url);
    return { url: site.url, host, ca: await readFile(site.authorityFile ?? "", "utf8") };
  }

  async #publish(image: ImageName, access: SiteAccess): Promise<{ alice: Publisher; rootKeyIds: readonly string[] }> {
    const alice = this.#publisher("alice", image, access);
    const { root, blobs, bytes } = await alice.push(this.#flawed, image);
    this.#step("Alice pushes an image", "push ./app", image, {
      digest: root.digest,
      moved: `${blobs} blobs, ${bytes} bytes`,
    });
    await alice.beginCollection();
    const { roles, rootKeyIds } = await alice.sign(this.#flawed, tag);
    this.#step("Alice signs it", "sign", image, { "signed by": roles.join(", "), "root key": rootKeyIds.join(", ") });
    return { alice, rootKeyIds };
  }

  async #consume(bob: Consumer, image: ImageName): Promise<void> {
    const decision = await bob.verify(image);
    this.#step("Bob, who was told the root key, verifies it", "verify --root-key ID", image, factsOf(decision));
    const { blobs, bytes } = await bob.pull(image, decision, this.#place("pulled"));
    this.#step("Bob pulls what was signed, by its digest", "pull", image, {
      checked: `${blobs} blobs, ${bytes} bytes, each against its digest`,
    });
    const { signedTags, signers } = await bob.inspect(image);
    this.#step("Bob asks who signed what", "inspect", image, {
      tags: signedTags.map((signed) => `${signed.tag}, signed by ${signed.signers.join(", ")}`).join("; "),
      signers: signers.map(({ name, keyIds }) => `${name} with the key ${keyIds.join(", ")}`).join("; "),
    });
  }

  async #fix(alice: Publisher, bob: Consumer, image: ImageName): Promise<void> {
    for (const each of [tag, `${tag}.1`]) {
      await alice.push(this.#fixed, { ...image, tag: each });
      await alice.sign(this.#fixed, each);
    }
    this.#step("Alice fixes a flaw, and Bob takes notice", "verify", image, factsOf(await bob.verify(image)));
  }

  async #prepareMallory(image: ImageName, access: SiteAccess): Promise<Publisher> {
    const mallory = this.#publisher("mallory", image, access);
    await mallory.push(this.#forged, image);
    await mallory.beginCollection();
    await mallory.sign(this.#forged, tag);
    return mallory;
  }

  async #attack({ name, story, code, run }: Attack, scene: AttackScene): Promise<void> {
    let error: unknown;
    try {
      await run(scene);
    } catch (caught) {
      error = caught;
    }
    scene.mirror.tampering = undefined;
    const isRefused = error instanceof CountersignError && error.kind === "refused" && error.code === code;
    this.#audience.attack({ name, story, isRefused, error });
  }

  #publisher(name: string, image: ImageName, access: SiteAccess): Publisher {
    const publisher = new Publisher(name, image, this.#place(name), access);
    this.#closing.push(() => publisher.close());
    return publisher;
  }

  #step(title: string, command: string, image: ImageName | undefined, facts: Step["facts"]): void {
    const words = ["countersign", command, ...(image === undefined ? [] : [familiarText(image)])];
    this.#audience.step({ title, command: words.join(" "), facts });
  }

  #place(name: string): string {
    return join(this.#directory, name);
  }
}

function factsOf({ digest, signers, anchor, validUntil }: Decision): Step["facts"] {
  return {
    digest,
    signers: signers.join(", "),
    "trusted by": anchor,
    "valid until": validUntil.toISOString().slice(0, 10),
  };
}
