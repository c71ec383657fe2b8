import { describe } from "@effect/vitest"
import { idempotencyContract } from "./fixtures/idempotencyContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("Idempotency in memory", () => idempotencyContract(StoresMemory))
