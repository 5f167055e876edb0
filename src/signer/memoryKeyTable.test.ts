import { keyTableContract } from "../../test/contracts/keyTable.ts";
import { MemoryKeyTable } from "./memoryKeyTable.ts";

keyTableContract("MemoryKeyTable", async () => new MemoryKeyTable());
