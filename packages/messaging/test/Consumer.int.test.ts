import { describe } from "@effect/vitest"
import { consumerContract } from "./fixtures/consumerContract.ts"
import { StoresPostgres } from "./fixtures/Stores.ts"

describe("A consumer on PostgreSQL", () => consumerContract(StoresPostgres))
