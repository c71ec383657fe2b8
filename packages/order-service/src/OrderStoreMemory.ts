import { IdempotencyMemory } from "@g-store/messaging/memory/IdempotencyMemory.ts"
import { OutboxMemory } from "@g-store/messaging/memory/OutboxMemory.ts"
import { TransactionsMemory } from "@g-store/messaging/memory/TransactionsMemory.ts"
import { Layer } from "effect"
import { OrderRepositoryMemory } from "./adapters/OrderRepositoryMemory.ts"

/** Everything that order-service keeps, in a MemoryDatabase. */
export const OrderStoreMemory = OrderRepositoryMemory.pipe(
  Layer.provideMerge(Layer.mergeAll(OutboxMemory, TransactionsMemory, IdempotencyMemory))
)
