import { FilesystemStorage } from "./filesystemStorage.ts";
import { LayoutStore, type StoreOptions } from "./layoutStore.ts";
import type { RegistryStore } from "./store.ts";

export interface FilesystemStoreOptions extends StoreOptions {
  /** Distribution's `rootdirectory`: what has, or will have, `docker/registry/v2` in it. Made when absent. */
  readonly directory: string;
}

/**
 * Opens a directory in the layout of distribution 2.x. It belongs to this store alone until it is closed; `countersign/` in it is
 * ours, everything else is as distribution would have left it.
 * @throws RegistryError REGISTRY_STORE_OPEN
 */
export async function openFilesystemStore(options: FilesystemStoreOptions): Promise<RegistryStore> {
  return await LayoutStore.open(await FilesystemStorage.open(options.directory), options);
}
