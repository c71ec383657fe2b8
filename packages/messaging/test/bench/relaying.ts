import * as PgClient from "@effect/sql-pg/PgClient"
import { Clock, Context, Effect, Layer, type Redacted, References } from "effect"
import { SecureRandom } from "effect/crypto"
import { EventBusKafka } from "../../src/kafka/EventBusKafka.ts"
import { MessagingHealth } from "../../src/MessagingHealth.ts"
import { Outbox } from "../../src/Outbox.ts"
import { OutboxRelay } from "../../src/OutboxRelay.ts"
import { OutboxPostgres } from "../../src/postgres/OutboxPostgres.ts"
import { createOutboxTables } from "../../src/postgres/schema.ts"
import { workload } from "./workload.ts"

const APPEND = 1_000

/** Fills an outbox, then starts a relay on it, as it ships, and counts until the last row is removed: messages a second. */
export const relaying = Effect.fnUntraced(
  function*(brokers: ReadonlyArray<string>, url: Redacted.Redacted, messages: number) {
    const all = workload(messages)
    const parts = yield* Layer.build(
      OutboxPostgres.pipe(
        Layer.provideMerge(Layer.effectDiscard(createOutboxTables)),
        Layer.provideMerge(PgClient.layer({ url, maxConnections: 5 })),
        Layer.merge(EventBusKafka.layerWith({ brokers })),
        Layer.merge(MessagingHealth.layer),
        Layer.merge(SecureRandom.layerWebCrypto)
      )
    )
    const outbox = Context.get(parts, Outbox)
    const sql = Context.get(parts, PgClient.PgClient)
    const isEmpty = Effect.map(sql`SELECT 1 FROM outbox LIMIT 1`, (rows) => rows.length === 0)

    return Effect.gen(function*() {
      for (let from = 0; from < all.length; from += APPEND) yield* outbox.append(all.slice(from, from + APPEND))
      yield* sql`ANALYZE outbox`
      const began = yield* Clock.currentTimeMillis
      yield* Layer.build(OutboxRelay.layer())
      while (!(yield* isEmpty)) yield* Effect.sleep("10 millis")
      return messages / ((yield* Clock.currentTimeMillis) - began) * 1_000
    }).pipe(Effect.scoped, Effect.provide(parts), Effect.provideService(References.MinimumLogLevel, "Warn"))
  }
)
