import type { MessagePort } from "node:worker_threads";

/** What a disk thread is asked to do. `file` names an upload; requests for one are answered in order. */
export type DiskRequest =
  | { readonly op: "create"; readonly path: string }
  | DiskAppend<"append">
  /** Only hashes, and has the thread it is connected with append. */
  | DiskAppend<"pass">
  | { readonly op: "digest"; readonly file: number; readonly path: string; readonly algorithm: string }
  | {
      /** Opens the file, and writes the links that are not there yet under temporary names, to be flushed before they are published. */
      readonly op: "prepare";
      readonly file: number;
      readonly path: string;
      readonly links: readonly DiskLink[];
    }
  | {
      /** Renames the file and the links that were prepared, in this order. The file is forgotten then. */
      readonly op: "publish";
      readonly file: number;
      readonly path: string;
      readonly to: string;
      /** In seconds since the epoch. */
      readonly touched: number;
    }
  /** `close` keeps what was hashed; the others drop it, and the links that were prepared. */
  | { readonly op: "close" | "forget" | "discard"; readonly file: number; readonly path: string };

export interface DiskAppend<Op> {
  readonly op: Op;
  readonly file: number;
  readonly path: string;
  readonly position: number;
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** Hashes to begin with the first bytes of the file, and to keep up from then on. */
  readonly algorithms: readonly string[];
}

/** How a request is sent, and passed on. */
export interface NumberedRequest {
  readonly id: number;
  readonly request: DiskRequest;
}

interface PassedRequest extends NumberedRequest {
  readonly request: DiskAppend<"append">;
}

export interface NumberedAnswer {
  readonly id: number;
  readonly answer: DiskAnswer;
}

export interface DiskLink {
  readonly temporary: string;
  readonly to: string;
  readonly content: string;
}

/** What it answers, or the error of the system. */
export interface DiskAnswer {
  /** Where the file is open for writing, until `publish`, `close`, `forget` or `discard`. */
  readonly descriptor?: number;
  /** Lower-case hexadecimal. Absent from the answer to `digest`: there is more to hash, ask again. */
  readonly digest?: string;
  /** Descriptors of what has to be flushed before the next step, or before the change is safe; the asker closes them. */
  readonly unflushed?: readonly number[];
  readonly error?: { readonly message: string; readonly code: string };
}

/** The body of a disk thread. It stands alone: nothing of this file, nor of any other, is in its reach. */
export function diskThreadMain(): void {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const fs = process.getBuiltinModule("node:fs");
  const paths = process.getBuiltinModule("node:path");
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  type Hash = ReturnType<typeof createHash>;

  interface OpenFile {
    descriptor: number | undefined;
    /** Set by a write that failed: later ones would leave a gap. */
    failure: Error | undefined;
    /** Links that were written aside. */
    prepared: readonly DiskLink[];
    readonly hashes: Map<string, HashEntry>;
  }
  interface HashEntry {
    readonly hash: Hash;
    /** How many bytes it has seen, from the first one on. */
    seen: number;
    digest?: string;
  }
  const files = new Map<number, OpenFile>();
  /** How much is hashed for one request, in bytes: others wait meanwhile. */
  const slice = 16 * 1024 ** 2;
  const pieceSize = 512 * 1024;
  /** The way to the other thread. */
  let peer: MessagePort | undefined;
  const directoryFlags = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY;

  const stateOf = (file: number): OpenFile => {
    let state = files.get(file);
    if (state === undefined) {
      state = { descriptor: undefined, failure: undefined, prepared: [], hashes: new Map() };
      files.set(file, state);
    }
    return state;
  };
  const open = (state: OpenFile, path: string): number => {
    state.descriptor ??= fs.openSync(path, fs.constants.O_RDWR);
    return state.descriptor;
  };
  const close = (state: OpenFile): void => {
    if (state.descriptor !== undefined) {
      fs.closeSync(state.descriptor);
      state.descriptor = undefined;
    }
  };
  const writeAll = (descriptor: number, chunks: readonly Uint8Array[], start: number): void => {
    let position = start;
    for (let rest = [...chunks]; rest.length > 0;) {
      let written = fs.writevSync(descriptor, rest, position);
      position += written;
      while (rest[0] !== undefined && written >= rest[0].byteLength) {
        written -= rest[0].byteLength;
        rest.shift();
      }
      if (rest[0] !== undefined && written > 0) {
        rest = [rest[0].subarray(written), ...rest.slice(1)];
      }
    }
  };

  const hash = ({ file, position, chunks, algorithms }: DiskAppend<unknown>): void => {
    const { hashes } = stateOf(file);
    for (const algorithm of position === 0 ? algorithms : []) {
      hashes.set(algorithm, { hash: createHash(algorithm), seen: 0 });
    }
    for (const entry of hashes.values()) {
      if (entry.seen === position) {
        for (const chunk of chunks) {
          entry.hash.update(chunk);
          entry.seen += chunk.byteLength;
        }
      }
    }
  };

  const append = (request: DiskAppend<"append">): DiskAnswer => {
    const state = stateOf(request.file);
    if (state.failure !== undefined) {
      throw state.failure;
    }
    const descriptor = open(state, request.path);
    const { position, chunks } = request;
    try {
      writeAll(descriptor, chunks, position);
    } catch (error) {
      state.failure = error as Error;
      throw error;
    }
    hash(request);
    // Given back at once; the collector would let much of it gather first.
    chunks.forEach(({ buffer }) => void buffer.transfer(0));
    return { descriptor };
  };

  /** The file may be open in another thread: nothing stays open here. */
  const digest = ({ file, path, algorithm }: DiskRequest & { op: "digest" }): DiskAnswer => {
    const { hashes } = stateOf(file);
    let entry = hashes.get(algorithm);
    if (entry === undefined) {
      entry = { hash: createHash(algorithm), seen: 0 };
      hashes.set(algorithm, entry);
    }
    if (entry.digest === undefined) {
      if (!catchUp(entry, path)) {
        return {};
      }
      entry.digest = entry.hash.digest("hex");
    }
    return { digest: entry.digest };
  };

  /** Hashes a slice of what is stored and was not seen; false: there is more. */
  const catchUp = (entry: HashEntry, path: string): boolean => {
    const { size } = fs.statSync(path);
    const stop = Math.min(size, entry.seen + slice);
    if (entry.seen < stop) {
      const descriptor = fs.openSync(path, fs.constants.O_RDONLY);
      try {
        const piece = new Uint8Array(Math.min(pieceSize, stop - entry.seen));
        while (entry.seen < stop) {
          const read = fs.readSync(descriptor, piece, 0, Math.min(piece.byteLength, stop - entry.seen), entry.seen);
          if (read === 0) {
            throw new Error("the file has become shorter");
          }
          entry.hash.update(piece.subarray(0, read));
          entry.seen += read;
        }
      } finally {
        fs.closeSync(descriptor);
      }
    }
    return entry.seen >= size;
  };

  /** Makes the directory and adds to `changed` which directories have new entries. */
  const makeDirectory = (path: string, changed: Set<string>): void => {
    const firstMade = fs.mkdirSync(path, { recursive: true });
    if (firstMade !== undefined) {
      for (let made = path; made.length >= firstMade.length; made = paths.dirname(made)) {
        changed.add(paths.dirname(made));
      }
    }
  };
  /** Runs `step` in a directory that another request may be removing because it was empty. */
  const within = (directory: string, changed: Set<string>, step: () => void): void => {
    for (let attempt = 1; ; attempt++) {
      makeDirectory(directory, changed);
      try {
        step();
        changed.add(directory);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === 3) {
          throw error;
        }
      }
    }
  };
  const holds = (path: string, content: string): boolean => {
    try {
      return fs.existsSync(path) && fs.readFileSync(path, "latin1") === content;
    } catch {
      return false; // Absent or unreadable: written anew, and that says what is wrong.
    }
  };

  const dropPrepared = (state: OpenFile): void => {
    state.prepared.forEach(({ temporary }) => fs.rmSync(temporary, { force: true }));
    state.prepared = [];
  };
  /** Opens one after the other; when one cannot be opened, none stays open. */
  const openAll = <T>(items: Iterable<T>, openOne: (item: T) => number): readonly number[] => {
    const descriptors: number[] = [];
    try {
      for (const item of items) {
        descriptors.push(openOne(item));
      }
      return descriptors;
    } catch (error) {
      descriptors.forEach((descriptor) => fs.closeSync(descriptor));
      throw error;
    }
  };

  const prepare = ({ file, path, links }: DiskRequest & { op: "prepare" }): DiskAnswer => {
    const state = stateOf(file);
    const descriptor = open(state, path);
    state.prepared = links.filter(({ to, content }) => !holds(to, content));
    const unflushed = openAll(state.prepared, ({ temporary, content }) => {
      const link = fs.openSync(temporary, "wx", 0o644);
      try {
        fs.writeFileSync(link, content);
        return link;
      } catch (error) {
        fs.closeSync(link);
        throw error;
      }
    });
    return { descriptor, unflushed };
  };

  const publish = ({ file, path, to, touched }: DiskRequest & { op: "publish" }): DiskAnswer => {
    const state = stateOf(file);
    fs.futimesSync(open(state, path), touched, touched);
    close(state);
    const changed = new Set<string>();
    within(paths.dirname(to), changed, () => fs.renameSync(path, to));
    for (const link of state.prepared) {
      within(paths.dirname(link.to), changed, () => fs.renameSync(link.temporary, link.to));
    }
    files.delete(file);
    return { unflushed: openAll(changed, (directory) => fs.openSync(directory, directoryFlags)) };
  };

  const forget = (file: number): void => {
    const state = files.get(file);
    if (state !== undefined) {
      files.delete(file);
      close(state);
      dropPrepared(state);
    }
  };

  const perform = (request: Exclude<DiskRequest, DiskAppend<"pass">>): DiskAnswer => {
    switch (request.op) {
      case "create":
        fs.closeSync(fs.openSync(request.path, "wx", 0o644));
        return {};
      case "append":
        return append(request);
      case "digest":
        return digest(request);
      case "prepare":
        return prepare(request);
      case "publish":
        return publish(request);
      case "close": {
        const state = stateOf(request.file);
        close(state);
        if (state.hashes.size === 0) {
          files.delete(request.file);
        }
        return {};
      }
      case "forget":
        forget(request.file);
        return {};
      case "discard":
        forget(request.file);
        fs.rmSync(request.path, { force: true });
        return {};
    }
  };

  const answer = (id: number, work: () => DiskAnswer | undefined): void => {
    let answer: DiskAnswer | undefined;
    try {
      answer = work();
    } catch (error) {
      const { message, code = "" } = error as NodeJS.ErrnoException;
      answer = { error: { message, code } };
    }
    if (answer !== undefined) {
      parentPort?.postMessage({ id, answer } satisfies NumberedAnswer);
    }
  };
  /** Hashes, and leaves the answer to the other thread. */
  const pass = (id: number, request: DiskAppend<"pass">): undefined => {
    if (peer === undefined) {
      throw new Error("there is no other disk thread");
    }
    hash(request);
    const memory = request.chunks.map(({ buffer }) => buffer);
    peer.postMessage({ id, request: { ...request, op: "append", algorithms: [] } } satisfies PassedRequest, memory);
  };
  const connect = (port: MessagePort): void => {
    peer?.close();
    peer = port;
    port.on("message", ({ id, request }: PassedRequest) => answer(id, () => append(request)));
  };

  parentPort?.on("message", (message: NumberedRequest | { readonly peer: MessagePort }) => {
    if ("peer" in message) {
      connect(message.peer);
    } else {
      const { id, request } = message;
      answer(id, () => (request.op === "pass" ? pass(id, request) : perform(request)));
    }
  });
}
