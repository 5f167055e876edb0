import { garbageCollectionContract } from "../../test/contracts/garbageCollection.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { openFilesystemStore } from "./filesystemStore.ts";

garbageCollectionContract("filesystem", async (t) => {
  const directory = temporaryDirectory(t);
  return (options) => openFilesystemStore({ ...options, directory });
});
