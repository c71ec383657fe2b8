import { contract } from "./contract.ts"
import { MemoryStore } from "./stores.ts"

contract("OrderRepositoryMemory", MemoryStore)
