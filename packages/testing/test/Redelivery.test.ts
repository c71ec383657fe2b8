import { describe } from "@effect/vitest"
import { redeliveryContract } from "./redeliveryContract.ts"
import { MemoryStores } from "./stores.ts"

describe("on memory", () => redeliveryContract(MemoryStores, 60))
