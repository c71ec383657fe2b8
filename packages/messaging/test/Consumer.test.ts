import { describe } from "@effect/vitest"
import { consumerContract } from "./fixtures/consumerContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("A consumer in memory", () => consumerContract(StoresMemory))
