/** What all key commands take. */
export const keyOptions = {
  "trust-dir": { type: "string" },
  json: { type: "boolean" },
} as const;

export const keyOptionsHelp = `  --trust-dir DIR   where the keys are: below DIR in private. Default: trust in Docker's configuration directory, ~/.docker
  --json            the result as one JSON document
  --help            show this text`;

export const backupPassphraseHelp = `The passphrase of the backup is asked for on the terminal, or comes from COUNTERSIGN_BACKUP_PASSPHRASE. It is not that of the keys,
which stay encrypted under their own inside the backup.`;
