import { describe } from "@effect/vitest"
import { lanesContract } from "./fixtures/lanesContract.ts"
import { StoresPostgres } from "./fixtures/Stores.ts"

describe("Batches of several partitions, on PostgreSQL,", () => lanesContract(StoresPostgres))
