import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { OutboxMemory } from "@g-store/messaging/memory/OutboxMemory.ts"
import { TransactionsMemory } from "@g-store/messaging/memory/TransactionsMemory.ts"
import { SHARDS } from "@g-store/messaging/Outbox.ts"
import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { OutboxPostgres } from "@g-store/messaging/postgres/OutboxPostgres.ts"
import { TransactionsPostgres } from "@g-store/messaging/postgres/TransactionsPostgres.ts"
import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { migrations } from "../src/adapters/migrations.ts"
import { OrderRepositoryMemory } from "../src/adapters/OrderRepositoryMemory.ts"
import { OrderRepositoryPostgres } from "../src/adapters/OrderRepositoryPostgres.ts"

export const schema = Layer.effectDiscard(Effect.forEach(Object.values(migrations), (step) => step, { discard: true }))

/** A fresh database with order-service's schema: another one each time that the layer is built. */
export const OrderDatabase = schema.pipe(Layer.provideMerge(TestDatabase))

/** The repository on real PostgreSQL, upon whatever client is given. */
export const StoreOnPostgres = OrderRepositoryPostgres.pipe(
  Layer.provideMerge(Layer.mergeAll(OutboxPostgres, TransactionsPostgres, SecureRandom.layerWebCrypto))
)
export const PostgresStore = StoreOnPostgres.pipe(Layer.provideMerge(OrderDatabase))

export const MemoryStore = OrderRepositoryMemory.pipe(
  Layer.provideMerge(Layer.mergeAll(OutboxMemory, TransactionsMemory, SecureRandom.layerWebCrypto)),
  Layer.provideMerge(MemoryDatabase.layer)
)

/** What waits in the outbox, in the order in which each key's messages will leave. */
export const outbox = Effect.gen(function*() {
  const store = yield* OutboxStore
  const rows = yield* store.read(Array.from({ length: SHARDS }, (_, shard) => shard), 10_000)
  return rows.map(({ message }) => ({ message, event: decodeEvent(message.eventType, message.payload) }))
})
