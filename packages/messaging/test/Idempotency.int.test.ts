import { describe } from "@effect/vitest"
import { idempotencyContract } from "./fixtures/idempotencyContract.ts"
import { StoresPostgres } from "./fixtures/Stores.ts"

describe("Idempotency on PostgreSQL", () => idempotencyContract(StoresPostgres))
