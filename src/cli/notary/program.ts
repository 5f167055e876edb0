import type { CommandSpec, FlagSpec } from "../compat/command.ts";
import type { CompatProgram, LoadAction } from "../compat/run.ts";
import { standardCommands } from "../compat/standardCommands.ts";

type Command = CommandSpec<LoadAction>;

const publishFlag: FlagSpec = {
  name: "publish",
  shorthand: "p",
  type: "bool",
  usage: "Automatically attempt to publish after staging the change. Will also publish existing staged changes.",
};

const customFlag: FlagSpec = {
  name: "custom",
  type: "string",
  usage: "Path to the file containing custom data for this target",
};

const globalFlags: readonly FlagSpec[] = [
  { name: "configFile", shorthand: "c", type: "string", usage: "Path to the configuration file to use" },
  { name: "debug", shorthand: "D", type: "bool", usage: "Debug output" },
  { name: "server", shorthand: "s", type: "string", usage: "Remote trust server location" },
  { name: "tlscacert", type: "string", usage: "Trust certs signed only by this CA" },
  { name: "tlscert", type: "string", usage: "Path to TLS certificate file" },
  { name: "tlskey", type: "string", usage: "Path to TLS key file" },
  { name: "trustDir", shorthand: "d", type: "string", usage: "Directory where the trust data is persisted to" },
  { name: "verbose", shorthand: "v", type: "bool", usage: "Verbose output" },
];

function rolesFlag(usage: string): FlagSpec {
  return { name: "roles", shorthand: "r", type: "strings", usage };
}

const collectionCommands: readonly Command[] = [
  {
    use: "init [ GUN ]",
    short: "Initializes a local trusted collection.",
    long: "Initializes a local trusted collection identified by the Globally Unique Name. This is an online operation.",
    flags: [
      { name: "rootkey", type: "string", usage: "Root key to initialize the repository with" },
      {
        name: "rootcert",
        type: "string",
        usage:
          "Root certificate must match root key if a root key is supplied, otherwise it must match a key present in keystore",
      },
      publishFlag,
    ],
    run: async () => (await import("./init.ts")).init,
  },
  {
    use: "add [ GUN ] <target> <file>",
    short: "Adds the file as a target to the trusted collection.",
    long: "Adds the file as a target to the local trusted collection identified by the Globally Unique Name. This is an offline operation.  Please then use `publish` to push the changes to the remote trusted collection.",
    flags: [customFlag, publishFlag, rolesFlag("Delegation roles to add this target to")],
    run: async () => (await import("./add.ts")).add,
  },
  {
    use: "addhash [ GUN ] <target> <byte size> <hashes>",
    short: "Adds the byte size and hash(es) as a target to the trusted collection.",
    long: "Adds the specified byte size and hash(es) as a target to the local trusted collection identified by the Globally Unique Name. This is an offline operation.  Please then use `publish` to push the changes to the remote trusted collection.",
    flags: [
      customFlag,
      publishFlag,
      rolesFlag("Delegation roles to add this target to"),
      { name: "sha256", type: "string", usage: "hex encoded sha256 of the target to add" },
      { name: "sha512", type: "string", usage: "hex encoded sha512 of the target to add" },
    ],
    run: async () => (await import("./addhash.ts")).addhash,
  },
  {
    use: "remove [ GUN ] <target>",
    short: "Removes a target from a trusted collection.",
    long: "Removes a target from the local trusted collection identified by the Globally Unique Name. This is an offline operation.  Please then use `publish` to push the changes to the remote trusted collection.",
    flags: [publishFlag, rolesFlag("Delegation roles to remove this target from")],
    run: async () => (await import("./remove.ts")).remove,
  },
  {
    use: "publish [ GUN ]",
    short: "Publishes the local trusted collection.",
    long: "Publishes the local trusted collection identified by the Globally Unique Name, sending the local changes to a remote trusted server.",
    run: async () => (await import("./publish.ts")).publish,
  },
  {
    use: "list [ GUN ]",
    short: "Lists targets for a remote trusted collection.",
    long: "Lists all targets for a remote trusted collection identified by the Globally Unique Name. This is an online operation.",
    flags: [rolesFlag("Delegation roles to list targets for (will shadow targets role)")],
    run: async () => (await import("./list.ts")).list,
  },
  {
    use: "lookup [ GUN ] <target>",
    short: "Looks up a specific target in a remote trusted collection.",
    long: "Looks up a specific target in a remote trusted collection identified by the Globally Unique Name.",
    run: async () => (await import("./lookup.ts")).lookup,
  },
  {
    use: "verify [ GUN ] <target>",
    short: "Verifies if the content is included in the remote trusted collection",
    long: "Verifies if the data passed in STDIN is included in the remote trusted collection identified by the Globally Unique Name.",
    flags: [
      { name: "input", shorthand: "i", type: "string", usage: "Read from a file, instead of STDIN" },
      { name: "output", shorthand: "o", type: "string", usage: "Write to a file, instead of STDOUT" },
      { name: "quiet", shorthand: "q", type: "bool", usage: "No output except for errors" },
    ],
    run: async () => (await import("./verify.ts")).verify,
  },
  {
    use: "status [ GUN ]",
    short: "Displays status of unpublished changes to the local trusted collection.",
    long: "Displays status of unpublished changes to the local trusted collection identified by the Globally Unique Name.",
    run: async () => (await import("./status.ts")).status,
  },
  {
    use: "reset [ GUN ]",
    short: "Resets unpublished changes for the local trusted collection.",
    long: "Resets unpublished changes for the local trusted collection identified by the Globally Unique Name.",
    flags: [
      { name: "all", type: "bool", usage: "Reset all changes shown in the status list" },
      {
        name: "number",
        shorthand: "n",
        type: "ints",
        usage: "Numbers of specific changes to exclusively reset, as shown in status list",
      },
    ],
    run: async () => (await import("./reset.ts")).reset,
  },
  {
    use: "witness [ GUN ] <role> ...",
    short: "Marks roles to be re-signed the next time they're published",
    long: "Marks roles to be re-signed the next time they're published. Currently will always bump version and expiry for role. N.B. behaviour may change when thresholding is introduced.",
    flags: [publishFlag],
    run: async () => (await import("./witness.ts")).witness,
  },
  {
    use: "delete [ GUN ]",
    short: "Deletes all content for a trusted collection",
    long: "Deletes all local content for a trusted collection identified by the Globally Unique Name. Remote data can also be deleted with an additional flag.",
    flags: [{ name: "remote", type: "bool", usage: "Delete remote data for GUN in addition to local cache" }],
    run: async () => (await import("./delete.ts")).deleteCollection,
  },
];

const delegationCommand: Command = {
  use: "delegation",
  short: "Operates on delegations.",
  long: "Operations on TUF delegations.",
  commands: [
    {
      use: "add [ GUN ] [ Role ] <X509 file path 1> ...",
      short: "Add a keys to delegation using the provided public key X509 certificates.",
      long: "Add a keys to delegation using the provided public key PEM encoded X509 certificates in a specific Global Unique Name.",
      flags: [
        { name: "paths", type: "strings", usage: "List of paths to add" },
        { name: "all-paths", type: "bool", usage: "Add all paths to this delegation" },
        publishFlag,
      ],
      run: async () => (await import("./delegationAdd.ts")).delegationAdd,
    },
    {
      use: "remove [ GUN ] [ Role ] <KeyID 1> ...",
      short: "Remove KeyID(s) from the specified Role delegation.",
      long: "Remove KeyID(s) from the specified Role delegation in a specific Global Unique Name.",
      flags: [
        { name: "paths", type: "strings", usage: "List of paths to remove" },
        { name: "all-paths", type: "bool", usage: "Remove all paths from this delegation" },
        {
          name: "yes",
          shorthand: "y",
          type: "bool",
          usage: "Answer yes to the removal question (no confirmation)",
        },
        publishFlag,
      ],
      run: async () => (await import("./delegationRemove.ts")).delegationRemove,
    },
    {
      use: "purge [ GUN ]",
      short: "Remove KeyID(s) from all delegation roles in the given GUN.",
      long: "Remove KeyID(s) from all delegation roles in the given GUN, for which the signing keys are available. Warnings will be printed for delegations that cannot be updated.",
      flags: [{ name: "key", type: "strings", usage: "Delegation key IDs to be removed from the GUN" }, publishFlag],
      run: async () => (await import("./delegationPurge.ts")).delegationPurge,
    },
    {
      use: "list [ GUN ]",
      short: "Lists delegations for the Global Unique Name.",
      long: "Lists all delegations known to notary for a specific Global Unique Name.",
      run: async () => (await import("./delegationList.ts")).delegationList,
    },
  ],
};

const keyCommand: Command = {
  use: "key",
  short: "Operates on keys.",
  long: "Operations on private keys.",
  commands: [
    {
      use: "list",
      short: "Lists keys.",
      long: "Lists all keys known to notary.",
      run: async () => (await import("./keyList.ts")).keyList,
    },
    {
      use: "generate [ algorithm ]",
      short: "Generates a new key with a given algorithm.",
      long: 'Generates a new key with a given algorithm. If hardware key storage (e.g. a Yubikey) is available, generated root keys will be stored both on hardware and on disk (so that it can be backed up).  Please make sure to back up and then remove this on-key disk immediatelyafterwards. If a `--output` file name is provided, two files will be written, <output>.pem and <output>-key.pem, containing the publicand private keys respectively (the key will not be stored in Notary\'s key storage, including any connected hardware storage). If no `--role` is provided, "root" will be assumed.',
      flags: [
        {
          name: "role",
          shorthand: "r",
          type: "string",
          default: "root",
          usage: 'Role to generate key with, defaulting to "root".',
        },
        { name: "output", shorthand: "o", type: "string", usage: "Filepath to write export output to" },
      ],
      run: async () => (await import("./keyGenerate.ts")).keyGenerate,
    },
    {
      use: "import pemfile [ pemfile ... ]",
      short: "Imports all keys from all provided .pem files",
      long: "Imports all keys from all provided .pem files by reading each PEM block from the file and writing that block to a unique object in the local keystore. A Yubikey will be the preferred import location for root keys if present.",
      flags: [
        {
          name: "role",
          shorthand: "r",
          type: "string",
          usage: "Role to import key with, if a role is not already given in a PEM header",
        },
        {
          name: "gun",
          shorthand: "g",
          type: "string",
          usage: "Gun to import key with, if a gun is not already given in a PEM header",
        },
      ],
      run: async () => (await import("./keyImport.ts")).keyImport,
    },
    {
      use: "export",
      short: "Exports all keys from all local keystores. Can be filtered using the --key and --gun flags.",
      long: "Exports all keys from all local keystores. Which keys are exported can be restricted by using the --key or --gun flags. By default the result is sent to stdout, it can be directed to a file with the -o flag. Keys stored in a Yubikey cannot be exported.",
      flags: [
        { name: "gun", type: "strings", usage: "GUNs for which to export keys" },
        { name: "key", type: "strings", usage: "Key IDs to export" },
        { name: "output", shorthand: "o", type: "string", usage: "Filepath to write export output to" },
      ],
      run: async () => (await import("./keyExport.ts")).keyExport,
    },
    {
      use: "passwd [ keyID ]",
      short: "Changes the passphrase for the key with the given keyID.",
      long: "Changes the passphrase for the key with the given keyID.  Will require validation of the old passphrase.",
      run: async () => (await import("./keyPasswd.ts")).keyPasswd,
    },
    {
      use: "remove [ keyID ]",
      short: "Removes the key with the given keyID.",
      long: "Removes the key with the given keyID.  If the key is stored in more than one location, you will be asked which one to remove.",
      run: async () => (await import("./keyRemove.ts")).keyRemove,
    },
    {
      use: "rotate [ GUN ] [ key role ]",
      short: "Rotate a signing (non-root) key of the given type for the given Globally Unique Name and role.",
      long: 'Generates a new key for the given Globally Unique Name and role (one of "snapshot", "targets", "root", or "timestamp").  If rotating to a server-managed key, a new key is requested from the server rather than generated.  If the generation or key request is successful, the key rotation is immediately published.  No other changes, even if they are staged, will be published.',
      flags: [
        {
          name: "server-managed",
          shorthand: "r",
          type: "bool",
          usage:
            "Signing and key management will be handled by the remote server (no key will be generated or stored locally). Required for timestamp role, optional for snapshot role",
        },
        {
          name: "legacy",
          shorthand: "l",
          type: "int",
          usage: "Number of old version's root roles to sign with to support old clients",
        },
        {
          name: "key",
          shorthand: "k",
          type: "strings",
          usage: "New key(s) to rotate to. If not specified, one will be generated.",
        },
      ],
      run: async () => (await import("./keyRotate.ts")).keyRotate,
    },
  ],
};

/** The command line of Notary's client, 0.7. */
export const notaryProgram: CompatProgram = {
  use: "notary",
  short: "Notary allows the creation of trusted collections.",
  long: "Notary allows the creation and management of collections of signed targets, allowing the signing and validation of arbitrary content.",
  persistentFlags: globalFlags,
  flags: [{ name: "version", type: "bool", usage: "Print the version number of notary" }],
  commands: [
    ...collectionCommands,
    delegationCommand,
    keyCommand,
    {
      use: "version",
      short: "Print the version number of notary",
      run: async () => (await import("./version.ts")).version,
    },
    ...standardCommands("notary"),
  ],
  run: async () => (await import("./version.ts")).versionOrUsage,
};
