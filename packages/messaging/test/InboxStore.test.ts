import { describe } from "@effect/vitest"
import { inboxStoreContract } from "./fixtures/inboxStoreContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("InboxStore in memory", () => inboxStoreContract(StoresMemory))
