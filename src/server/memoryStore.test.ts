import { metadataStoreContract } from "../../test/contracts/metadataStore.ts";
import { MemoryStore } from "./memoryStore.ts";

metadataStoreContract("memory", async () => new MemoryStore());
