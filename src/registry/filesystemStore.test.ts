import { registryStoreContract } from "../../test/contracts/registryStore.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { openFilesystemStore } from "./filesystemStore.ts";

registryStoreContract("filesystem", async (t) => {
  const directory = temporaryDirectory(t);
  return (options) => openFilesystemStore({ ...options, directory });
});
