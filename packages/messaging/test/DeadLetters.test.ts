import { describe } from "@effect/vitest"
import { replayContract } from "./fixtures/replayContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("Dead letters in memory", () => replayContract(StoresMemory))
