import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { SHARDS } from "@g-store/messaging/Outbox.ts"
import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { migrate } from "@g-store/service-kit/Migrations.ts"
import { Effect, Layer, References } from "effect"
import { SecureRandom } from "effect/crypto"
import { migrations } from "../src/adapters/migrations.ts"
import { OrderStoreMemory } from "../src/OrderStoreMemory.ts"
import { OrderStorePostgres } from "../src/OrderStorePostgres.ts"

/** What goes as it should is not worth a line in a test's output. */
const quiet = Layer.succeed(References.MinimumLogLevel, "Warn")

/** A fresh database with order-service's schema: another one each time that the layer is built. */
export const OrderDatabase = Layer.effectDiscard(migrate(migrations)).pipe(
  Layer.provide(quiet),
  Layer.provideMerge(TestDatabase)
)

/** The store on real PostgreSQL, upon whatever client is given. */
export const StoreOnPostgres = OrderStorePostgres.pipe(
  Layer.provide(quiet),
  Layer.provideMerge(SecureRandom.layerWebCrypto)
)
export const PostgresStore = StoreOnPostgres.pipe(Layer.provideMerge(TestDatabase))

export const MemoryStore = OrderStoreMemory.pipe(
  Layer.provideMerge(Layer.mergeAll(MemoryDatabase.layer, SecureRandom.layerWebCrypto))
)

/** What waits in the outbox, in the order in which each key's messages will leave. */
export const outbox = Effect.gen(function*() {
  const store = yield* OutboxStore
  const rows = yield* store.exchange({
    removals: [],
    shards: Array.from({ length: SHARDS }, (_, shard) => shard),
    limit: 10_000
  })
  return rows.map(({ message }) => ({ message, event: decodeEvent(message.eventType, message.payload) }))
})
