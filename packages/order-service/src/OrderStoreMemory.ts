import { DeadLettersMemory } from "@g-store/messaging/memory/DeadLettersMemory.ts"
import { IdempotencyMemory } from "@g-store/messaging/memory/IdempotencyMemory.ts"
import { InboxMemory } from "@g-store/messaging/memory/InboxMemory.ts"
import { OutboxMemory } from "@g-store/messaging/memory/OutboxMemory.ts"
import { PurgeMemory } from "@g-store/messaging/memory/PurgeMemory.ts"
import { TransactionsMemory } from "@g-store/messaging/memory/TransactionsMemory.ts"
import { Layer } from "effect"
import { OrderRepositoryMemory } from "./adapters/OrderRepositoryMemory.ts"

/** Everything that order-service keeps, in a MemoryDatabase. */
export const OrderStoreMemory = OrderRepositoryMemory.pipe(
  Layer.provideMerge(
    Layer.mergeAll(OutboxMemory, InboxMemory, DeadLettersMemory, IdempotencyMemory, TransactionsMemory, PurgeMemory)
  )
)
