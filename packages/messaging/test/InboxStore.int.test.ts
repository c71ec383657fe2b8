import { describe } from "@effect/vitest"
import { inboxStoreContract } from "./fixtures/inboxStoreContract.ts"
import { StoresPostgres } from "./fixtures/Stores.ts"

describe("InboxStore on PostgreSQL", () => inboxStoreContract(StoresPostgres))
