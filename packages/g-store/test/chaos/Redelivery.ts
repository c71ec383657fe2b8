import * as PgClient from "@effect/sql-pg/PgClient"
import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { Console, Effect, Redacted, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import type { Admin } from "kafkajs"
import type { Cluster } from "./Cluster.ts"
import { NotKept } from "./NotKept.ts"
import { toolKafka } from "./toolKafka.ts"

/** What each database promises to keep, whatever is delivered: its tables, but for those that keep the delivery's books. */
const kept = {
  orders: ["orders", "order_history", "outbox", "dead_letter"],
  payments: ["accounts", "ledger", "payments", "outbox", "dead_letter"],
  notifications: ["feed", "feed_order", "dead_letter"]
} as const
const databases = ["orders", "payments", "notifications"] as const
const groups = [
  { groupId: "g-store.payment-service", topic: ORDER_EVENTS },
  { groupId: "g-store.order-service", topic: PAYMENT_EVENTS }
] as const

const within = <A, E>(store: Cluster, name: string, ask: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
  PgClient.makeClient({ url: Redacted.make(store.direct(name)), applicationName: "g-store chaos" }).pipe(
    Effect.flatMap(ask),
    Effect.scoped,
    Effect.provide(Reactivity.layer)
  )

/** A fingerprint of every row that must stay as it is. */
const fingerprint = (store: Cluster) =>
  Effect.forEach(databases, (name) =>
    within(store, name, (sql) =>
      Effect.forEach(kept[name], (table) =>
        Effect.map(
          sql<{ rows: bigint; hash: string }>`
            SELECT count(*) AS rows, coalesce(md5(string_agg(r::text, '\n' ORDER BY r::text)), '') AS hash
            FROM ${sql(table)} r`,
          ([found]) => `${name}.${table}: ${found?.rows} rows ${found?.hash}`
        )))).pipe(Effect.map((all) => all.flat()))

const withAdmin = <A>(store: Cluster, use: (admin: Admin) => Promise<A>) =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      const admin = toolKafka(store.kafka.brokers).admin()
      await admin.connect()
      return admin
    }),
    (admin) => Effect.promise(() => use(admin)),
    (admin) => Effect.promise(() => admin.disconnect())
  )

/** How many messages the groups have not acknowledged. */
const behind = (store: Cluster) =>
  withAdmin(store, async (admin) => {
    let messages = 0
    for (const { groupId, topic } of groups) {
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
      for (const { high, partition } of await admin.fetchTopicOffsets(topic)) {
        const offset = committed?.partitions.find((one) => one.partition === partition)?.offset ?? "-1"
        messages += Number(high) - Math.max(0, Number(offset))
      }
    }
    return messages
  })

/**
 * Stops every service, empties the inboxes and the feed's positions, sets the groups back to the beginning of the topics
 * and starts again: everything is delivered once more to services that remember none of it. Fails if a row changed.
 */
export const redelivered = Effect.fnUntraced(function*(store: Cluster) {
  yield* Effect.forEach(store.services, (replica) => replica.end("SIGTERM"), { concurrency: 3, discard: true })
  const before = yield* fingerprint(store)
  yield* within(store, "orders", (sql) => sql`DELETE FROM inbox`)
  yield* within(store, "payments", (sql) => sql`DELETE FROM inbox`)
  yield* within(store, "notifications", (sql) => Effect.andThen(sql`DELETE FROM inbox`, sql`DELETE FROM feed_position`))
  yield* withAdmin(store, async (admin) => {
    for (const { groupId, topic } of groups) await admin.resetOffsets({ groupId, topic, earliest: true })
  })
  const again = yield* behind(store)
  if (again === 0) return yield* new NotKept({ reason: "the groups could not be set back" })
  yield* Effect.forEach(store.services, ({ start }) => start, { concurrency: 2, discard: true })
  yield* behind(store).pipe(
    Effect.repeat({ until: (left) => left === 0, schedule: Schedule.spaced("500 millis") }),
    Effect.timeoutOrElse({
      duration: "3 minutes",
      orElse: () => Effect.fail(new NotKept({ reason: "not everything was handled again within 3 minutes" }))
    })
  )
  const after = yield* fingerprint(store)
  const changed = before.flatMap((line, nth) => line === after[nth] ? [] : [`before ${line}\nafter  ${after[nth]}`])
  yield* Console.log(`delivered again      ${again} messages with emptied inboxes, ${changed.length} tables changed`)
  if (changed.length > 0) return yield* new NotKept({ reason: changed.join("\n") })
})
