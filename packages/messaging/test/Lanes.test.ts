import { describe } from "@effect/vitest"
import { lanesContract } from "./fixtures/lanesContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("Batches of several partitions, in memory,", () => lanesContract(StoresMemory))
