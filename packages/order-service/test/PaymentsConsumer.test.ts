import { DeadLettersMemory } from "@g-store/messaging/memory/DeadLettersMemory.ts"
import { InboxMemory } from "@g-store/messaging/memory/InboxMemory.ts"
import { Layer } from "effect"
import { paymentsContract } from "./paymentsContract.ts"
import { MemoryStore } from "./stores.ts"

paymentsContract(
  "memory",
  Layer.mergeAll(InboxMemory, DeadLettersMemory).pipe(Layer.provideMerge(MemoryStore))
)
