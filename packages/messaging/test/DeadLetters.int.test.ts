import { describe } from "@effect/vitest"
import { replayContract } from "./fixtures/replayContract.ts"
import { StoresPostgres } from "./fixtures/Stores.ts"

describe("Dead letters on PostgreSQL", () => replayContract(StoresPostgres))
