import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { freePort, runOk, startService } from "./childProgram.ts";
import { peerPath } from "./peers.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";

/** An S3 service with one account. */
export interface S3Service {
  /** `http://127.0.0.1:PORT`; buckets are the first part of the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const servers = ["account", "container", "object"] as const;
const device = "sda";

/** Starts OpenStack Swift with its S3 interface on loopback: one device, no replicas, everything in a temporary directory. */
export async function startSwift(t: Scope): Promise<S3Service> {
  const directory = temporaryDirectory(t);
  const devices = join(directory, "devices");
  mkdirSync(join(devices, device), { recursive: true });
  writeIni(join(directory, "swift.conf"), {
    "swift-hash": { swift_hash_path_suffix: "countersign" },
    "storage-policy:0": { name: "only", default: "yes" },
  });
  const [cache] = await Promise.all([
    startMemcached(t),
    ...servers.map(async (server) => {
      const port = await freePort();
      await makeRing(directory, server, port);
      const file = join(directory, `${server}-server.conf`);
      writeIni(file, {
        DEFAULT: { ...common(directory, port), devices, mount_check: "false", workers: "0", fallocate_reserve: "0" },
        "pipeline:main": { pipeline: `${server}-server` },
        [`app:${server}-server`]: { use: `egg:swift#${server}` },
      });
      await start(t, `swift-${server}-server`, file, port);
    }),
  ]);
  const port = await freePort();
  const file = join(directory, "proxy-server.conf");
  writeIni(file, {
    DEFAULT: { ...common(directory, port), workers: "0" },
    "pipeline:main": {
      pipeline: "catch_errors gatekeeper healthcheck cache bulk s3api tempauth slo dlo versioned_writes proxy-server",
    },
    "app:proxy-server": { use: "egg:swift#proxy", account_autocreate: "true", allow_account_management: "true" },
    "filter:catch_errors": { use: "egg:swift#catch_errors" },
    "filter:gatekeeper": { use: "egg:swift#gatekeeper" },
    "filter:healthcheck": { use: "egg:swift#healthcheck" },
    "filter:cache": { use: "egg:swift#memcache", memcache_servers: cache },
    "filter:bulk": { use: "egg:swift#bulk" },
    "filter:s3api": { use: "egg:swift#s3api", s3_acl: "false", location: "us-east-1" },
    "filter:tempauth": { use: "egg:swift#tempauth", user_test_tester: "testing .admin" },
    "filter:slo": { use: "egg:swift#slo" },
    "filter:dlo": { use: "egg:swift#dlo" },
    "filter:versioned_writes": { use: "egg:swift#versioned_writes", allow_versioned_writes: "true" },
  });
  await start(t, "swift-proxy-server", file, port);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    accessKeyId: "test:tester",
    secretAccessKey: "testing",
  };
}

function common(directory: string, port: number): Record<string, string> {
  return { bind_ip: "127.0.0.1", bind_port: String(port), swift_dir: directory, user: userInfo().username };
}

/** Where the data of one kind are: all on the one device. */
async function makeRing(directory: string, kind: string, port: number): Promise<void> {
  const builder = join(directory, `${kind}.builder`);
  const run = (...args: readonly string[]): Promise<unknown> =>
    runOk(peerPath("swift-ring-builder"), [builder, ...args]);
  await run("create", "4", "1", "1");
  await run("add", "--region=1", "--zone=1", "--ip=127.0.0.1", `--port=${port}`, `--device=${device}`, "--weight=1");
  await run("rebalance");
}

async function startMemcached(t: Scope): Promise<string> {
  const port = await freePort();
  const args = [`--port=${port}`, "--listen=127.0.0.1", `--user=${userInfo().username}`, "--memory-limit=64"];
  await startService(t, peerPath("memcached"), args, { ready: () => canConnect(port) });
  return `127.0.0.1:${port}`;
}

type Program = "swift-account-server" | "swift-container-server" | "swift-object-server" | "swift-proxy-server";

async function start(t: Scope, program: Program, file: string, port: number): Promise<void> {
  await startService(t, peerPath(program), [file, "--verbose"], { ready: () => canConnect(port) });
}

async function canConnect(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function writeIni(file: string, sections: Readonly<Record<string, Readonly<Record<string, string>>>>): void {
  const texts = Object.entries(sections).map(([name, values]) =>
    [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${value}`), ""].join("\n"),
  );
  writeFileSync(file, texts.join("\n"));
}
