import { paymentsContract } from "./paymentsContract.ts"
import { MemoryStore } from "./stores.ts"

paymentsContract("memory", MemoryStore)
