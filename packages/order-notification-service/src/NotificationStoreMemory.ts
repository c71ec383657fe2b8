import { DeadLettersMemory } from "@g-store/messaging/memory/DeadLettersMemory.ts"
import { InboxMemory } from "@g-store/messaging/memory/InboxMemory.ts"
import { PurgeMemory } from "@g-store/messaging/memory/PurgeMemory.ts"
import { TransactionsMemory } from "@g-store/messaging/memory/TransactionsMemory.ts"
import { Layer } from "effect"
import { FeedMemory } from "./FeedMemory.ts"

/** Everything that order-notification-service keeps, in a MemoryDatabase. */
export const NotificationStoreMemory = FeedMemory.pipe(
  Layer.provideMerge(Layer.mergeAll(InboxMemory, DeadLettersMemory, TransactionsMemory, PurgeMemory))
)
