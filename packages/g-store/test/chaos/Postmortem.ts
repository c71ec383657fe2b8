import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted } from "effect"
import type { Cluster } from "./Cluster.ts"
import type { Replica } from "./Replica.ts"
import { toolKafka } from "./toolKafka.ts"

const QUERIES = {
  statuses: "SELECT status, count(*)::int AS orders FROM orders GROUP BY status",
  outbox:
    "SELECT shard, count(*)::int AS rows, min(created_at)::text AS oldest FROM outbox GROUP BY shard ORDER BY shard",
  leases:
    "SELECT shard, owner, epoch::text AS epoch, (expires_at - now())::text AS left FROM relay_lease ORDER BY shard",
  "dead letters": "SELECT id::text AS id, message_id, key, state, reason FROM dead_letter WHERE state <> 'discarded'",
  "parked keys":
    "SELECT consumer, key, draining, (SELECT count(*)::int FROM parked_message m WHERE m.consumer = k.consumer AND m.key = k.key) AS waiting FROM parked_key k",
  sessions:
    "SELECT pid, state, wait_event, (now() - xact_start)::text AS in_transaction, left(query, 120) AS query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
}

const said = (cause: unknown) => cause instanceof Error ? cause.message : String(cause)

const database = (store: Cluster, name: string) =>
  Effect.gen(function*() {
    const sql = yield* PgClient.makeClient({ url: Redacted.make(store.direct(name)) })
    const lines = [`== database ${name}`]
    for (const [what, query] of Object.entries(QUERIES)) {
      if (what === "statuses" && name !== "orders") continue
      if ((what === "outbox" || what === "leases") && name === "notifications") continue
      const rows = yield* sql.unsafe(query).pipe(
        Effect.catch((error) => Effect.succeed([{ error: said(error.cause) }]))
      )
      lines.push(`${what}:`, ...rows.map((row) => `  ${JSON.stringify(row)}`))
    }
    return lines
  }).pipe(
    Effect.scoped,
    Effect.timeout("10 seconds"),
    Effect.catch((error) => Effect.succeed([`== database ${name}: ${said(error)}`]))
  )

/** Where each group is, and what its topics hold. */
const groups = (brokers: ReadonlyArray<string>) =>
  Effect.tryPromise(async () => {
    const admin = toolKafka(brokers).admin()
    await admin.connect()
    const lines = ["== Kafka"]
    const ends = new Map<string, string>()
    for (const topic of await admin.listTopics()) {
      if (topic.startsWith("__")) continue
      for (const { high, partition } of await admin.fetchTopicOffsets(topic)) ends.set(`${topic}/${partition}`, high)
    }
    const { groups: all } = await admin.listGroups()
    const { groups: described } = await admin.describeGroups(all.map(({ groupId }) => groupId))
    for (const { groupId, members, state } of described) {
      lines.push(
        `${groupId}: ${state}`,
        ...members.map(({ clientHost, memberId }) => `  member ${memberId} at ${clientHost}`)
      )
      for (const { partitions, topic } of await admin.fetchOffsets({ groupId })) {
        for (const { offset, partition } of partitions) {
          const end = ends.get(`${topic}/${partition}`)
          if (end !== offset) lines.push(`  ${topic}/${partition}: ${offset} of ${end}`)
        }
      }
    }
    await admin.disconnect()
    return lines
  }).pipe(
    Effect.timeout("20 seconds"),
    Effect.catch((error) => Effect.succeed([`== Kafka: ${said(error)}`]))
  )

const page = (replica: Replica, path: string, keep: (line: string) => boolean) =>
  Effect.tryPromise((signal) =>
    fetch(`http://127.0.0.1:${replica.admin}${path}`, { signal }).then((answer) => answer.text())
  ).pipe(
    Effect.timeout("5 seconds"),
    Effect.map((text) => text.split("\n").filter(keep)),
    Effect.catch((error) => Effect.succeed([`${path}: ${said(error)}`]))
  )

const process = (replica: Replica) =>
  Effect.gen(function*() {
    return [
      `== ${replica.name}`,
      ...(yield* page(replica, "/health/ready", () => true)),
      ...(yield* page(replica, "/metrics", (line) => /^(inbox|outbox|relay|worker)_[a-z_]+(?<!_bucket)[{ ]/.test(line)))
    ]
  })

/** What stands where, for whoever has to find out why something did not come to its end. */
export const postmortem = (store: Cluster) =>
  Effect.gen(function*() {
    const parts = yield* Effect.all([
      ...["orders", "payments", "notifications"].map((name) => database(store, name)),
      groups(store.kafka.brokers),
      ...[...store.services, store.identity].map(process)
    ], { concurrency: "unbounded" })
    return parts.flat().join("\n") + "\n"
  })
