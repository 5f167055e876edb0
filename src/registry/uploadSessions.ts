import { randomUUID } from "node:crypto";
import { digestAlgorithms, digestOf, isDigestAlgorithm, type DigestAlgorithm } from "../oci/digest.ts";
import { RegistryError } from "./errors.ts";
import type { Spool, SpoolArea, Storage } from "./storage.ts";

/** What is known of an upload between two requests. */
export interface UploadSession {
  readonly id: string;
  /** Of its spool: says all that has to be known after a restart. */
  readonly name: string;
  readonly algorithm: DigestAlgorithm;
  /** Undefined until it is opened for the first time in this process. */
  spool: Spool | undefined;
  /** Whether a writer has it, or it is being opened. */
  isBusy: boolean;
  hasEnded: boolean;
  /** In milliseconds since the epoch. */
  lastUsed: number;
}

export interface UploadLimits {
  /** How many uploads may be unfinished at a time. */
  readonly maxUploads: number;
  /** Milliseconds after which an upload that nobody writes to is dropped. */
  readonly uploadIdle: number;
}

/**
 * How long an upload has to stand still to give its place to a new one when all are taken, in milliseconds. Clients send the next
 * chunk, or come back after a cut, sooner; without this a few thousand requests would keep everybody from pushing for a day.
 */
const crowdedIdle = 5 * 60_000;

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The uploads under way. Each is a spool whose name holds the session's ID, a hash of its repository, and the algorithm, so that
 * nothing else has to be stored. They are bounded in number, and given up when idle for too long.
 */
export class UploadSessions {
  readonly #storage: Storage;
  readonly #spools: SpoolArea;
  readonly #limits: UploadLimits;
  readonly #now: () => Date;
  /** By name, in the order of last use. */
  readonly #sessions = new Map<string, UploadSession>();
  #isClosed = false;

  constructor(storage: Storage, limits: UploadLimits, now: () => Date) {
    this.#storage = storage;
    this.#spools = storage.spools;
    this.#limits = limits;
    this.#now = now;
  }

  /** Takes over what earlier processes left. */
  async load(): Promise<void> {
    for (const { name, touched } of await this.#spools.list()) {
      const session = sessionFrom(name, touched.getTime());
      if (session !== undefined) {
        this.#sessions.set(name, session);
      }
    }
    await this.expire();
  }

  /** How many there are. */
  get count(): number {
    return this.#sessions.size;
  }

  /**
   * A new session, busy.
   * @param key where its bytes will go, when that is known
   * @throws RegistryError REGISTRY_TOO_MANY_UPLOADS
   */
  async start(
    repository: string,
    algorithm: DigestAlgorithm,
    key: string | undefined,
  ): Promise<UploadSession & { spool: Spool }> {
    await this.expire();
    if (this.#sessions.size >= this.#limits.maxUploads) {
      await this.#makeRoom();
    }
    if (this.#sessions.size >= this.#limits.maxUploads) {
      throw new RegistryError("REGISTRY_TOO_MANY_UPLOADS", `${this.#sessions.size} uploads are unfinished`);
    }
    const id = randomUUID();
    const session = newSession(id, spoolName(id, repository, algorithm), algorithm, this.#now().getTime());
    session.isBusy = true;
    this.#sessions.set(session.name, session);
    try {
      const spool = await this.#spools.create(session.name, { algorithm, key });
      return Object.assign(session, { spool });
    } catch (error) {
      this.#sessions.delete(session.name);
      throw error;
    }
  }

  /**
   * The session for its one writer.
   * @param key where its bytes will go, when that is known
   * @throws RegistryError REGISTRY_UPLOAD_BUSY
   */
  async acquire(
    repository: string,
    id: string,
    key: string | undefined,
  ): Promise<(UploadSession & { spool: Spool }) | undefined> {
    await this.expire();
    const session = await this.#find(repository, id);
    if (session === undefined) {
      return undefined;
    }
    if (session.isBusy) {
      throw new RegistryError("REGISTRY_UPLOAD_BUSY", "another request is writing to this upload");
    }
    session.isBusy = true;
    const { algorithm } = session;
    try {
      session.spool = await this.#spools.open(session.name, { algorithm, key }, session.spool);
    } catch (error) {
      session.isBusy = false;
      throw error;
    }
    if (session.hasEnded) {
      await session.spool?.discard();
      return undefined;
    }
    if (session.spool === undefined) {
      await this.end(session);
      return undefined;
    }
    return session as UploadSession & { spool: Spool };
  }

  async size(repository: string, id: string): Promise<number | undefined> {
    await this.expire();
    const session = await this.#find(repository, id);
    if (session?.isBusy === true) {
      return session.spool?.size ?? 0;
    }
    return session === undefined ? undefined : await this.#spools.size(session.name);
  }

  /** Gives the session back for another writer. What its spool holds is stored then. */
  async release(session: UploadSession): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    try {
      await session.spool?.pause();
    } catch (error) {
      session.spool = undefined; // What it counts is no longer what is stored; the next writer looks anew.
      throw error;
    } finally {
      session.isBusy = false;
      session.lastUsed = this.#now().getTime();
      if (this.#sessions.delete(session.name)) {
        this.#sessions.set(session.name, session);
      }
    }
  }

  /** The session is over; whatever its spool still holds is dropped. */
  async end(session: UploadSession): Promise<void> {
    if (this.#isClosed || session.hasEnded) {
      return;
    }
    session.hasEnded = true;
    this.#sessions.delete(session.name);
    await (session.spool?.discard() ?? this.#spools.discard(session.name));
  }

  /** Ends the session, busy or not. */
  async cancel(repository: string, id: string): Promise<boolean> {
    const session = await this.#find(repository, id);
    if (session === undefined) {
      return false;
    }
    await this.end(session);
    return true;
  }

  /** Ends the upload that has stood still the longest, if that is long enough. */
  async #makeRoom(): Promise<void> {
    const longest = [...this.#sessions.values()].find(({ isBusy }) => !isBusy);
    if (longest !== undefined && longest.lastUsed <= this.#now().getTime() - crowdedIdle) {
      await this.end(longest);
    }
  }

  /** Drops what has been idle for too long. */
  async expire(): Promise<void> {
    const limit = this.#now().getTime() - this.#limits.uploadIdle;
    for (const session of this.#sessions.values()) {
      if (session.lastUsed > limit) {
        return;
      }
      if (!session.isBusy) {
        await this.end(session);
      }
    }
  }

  /** Ends all writing; what was written is kept for the next process. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#sessions.values()].map(async ({ spool }) => await spool?.pause()));
    this.#sessions.clear();
  }

  /** @throws RegistryError REGISTRY_STORE_CLOSED */
  requireOpen(): void {
    if (this.#isClosed) {
      throw new RegistryError("REGISTRY_STORE_CLOSED", "the registry's store is closed");
    }
  }

  async #find(repository: string, id: string): Promise<UploadSession | undefined> {
    if (!idPattern.test(id)) {
      return undefined;
    }
    for (const algorithm of digestAlgorithms) {
      const name = spoolName(id, repository, algorithm);
      const session = this.#sessions.get(name);
      if (session !== undefined) {
        return session;
      }
      // Another process may have begun it.
      if (!this.#storage.isExclusive && (await this.#spools.size(name)) !== undefined) {
        const shared = newSession(id, name, algorithm, this.#now().getTime());
        this.#sessions.set(name, shared);
        return shared;
      }
    }
    return undefined;
  }
}

function spoolName(id: string, repository: string, algorithm: DigestAlgorithm): string {
  return `${id}.${digestOf(Buffer.from(repository)).slice(7, 23)}.${algorithm}`;
}

function sessionFrom(name: string, lastUsed: number): UploadSession | undefined {
  const [id = "", hash = "", algorithm = "", ...rest] = name.split(".");
  if (!idPattern.test(id) || !/^[0-9a-f]{16}$/.test(hash) || !isDigestAlgorithm(algorithm) || rest.length > 0) {
    return undefined;
  }
  return newSession(id, name, algorithm, lastUsed);
}

function newSession(id: string, name: string, algorithm: DigestAlgorithm, lastUsed: number): UploadSession {
  return { id, name, algorithm, spool: undefined, isBusy: false, hasEnded: false, lastUsed };
}
