import type { DatabaseSync } from "node:sqlite";
import { ServerError } from "./errors.ts";

/** Marks the file as a trust server's database, so that no other one is taken for it ("CsTS"). */
const applicationId = 0x43735453;

/**
 * Each step brings the database from the version of its index to the next. Tables, columns and constraints are those of
 * Notary's server, so that rows can move to and from its PostgreSQL and MySQL. Times are UTC text.
 */
const steps: readonly string[] = [
  `CREATE TABLE tuf_files (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     created_at timestamp,
     updated_at timestamp,
     deleted_at timestamp,
     gun varchar(255) NOT NULL CHECK (length(gun) <= 255),
     role varchar(255) NOT NULL CHECK (length(role) <= 255),
     version integer NOT NULL CHECK (version BETWEEN 0 AND 2147483647),
     data blob NOT NULL,
     sha256 char(64),
     CONSTRAINT tuf_files_gun_role_version_key UNIQUE (gun, role, version)
   );
   CREATE INDEX tuf_files_sha256_idx ON tuf_files (sha256);
   CREATE TABLE change_category (category varchar(20) PRIMARY KEY);
   INSERT INTO change_category (category) VALUES ('update'), ('deletion');
   CREATE TABLE changefeed (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     created_at timestamp DEFAULT CURRENT_TIMESTAMP,
     gun varchar(255) NOT NULL,
     version integer NOT NULL,
     sha256 char(64),
     category varchar(20) NOT NULL DEFAULT 'update' REFERENCES change_category (category)
   );
   CREATE INDEX idx_changefeed_gun ON changefeed (gun);`,
];

/**
 * Brings a new or older database to this program's schema, in one transaction per step.
 * @throws ServerError SERVER_STORE_OPEN when the file is of a newer program or not a trust server's database
 */
export function migrateSchema(database: DatabaseSync): void {
  const found = pragma(database, "user_version");
  const owner = pragma(database, "application_id");
  const empty = database.prepare("SELECT name FROM sqlite_schema LIMIT 1").get() === undefined;
  if (owner !== applicationId && !empty) {
    throw new ServerError("SERVER_STORE_OPEN", "the file is a database, but not a trust server's");
  }
  if (found > steps.length) {
    throw new ServerError(
      "SERVER_STORE_OPEN",
      `the database has schema version ${found}, newer than the ${steps.length} this program knows`,
      { hint: "Use the program that wrote the database, or a newer one." },
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index >= found) {
      // Both numbers are in the header page, so that they are part of the transaction.
      database.exec(
        `BEGIN IMMEDIATE; ${step} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${index + 1}; COMMIT;`,
      );
    }
  }
}

function pragma(database: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
