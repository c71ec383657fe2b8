import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Finding } from "./Finding.ts"

type Check = Effect.Effect<ReadonlyArray<Finding>, SqlError.SqlError, SqlClient.SqlClient>

/** Which of the audited tables a database has, and which of its settings would cost something at a power cut. */
const auditedTables = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ outbox: boolean; letters: boolean; unsafe: ReadonlyArray<string> }>`
    SELECT to_regclass('outbox') IS NOT NULL AS outbox, to_regclass('dead_letter') IS NOT NULL AS letters,
      ARRAY(
        SELECT name || ' is ' || current_setting(name)
        FROM unnest(ARRAY['fsync', 'full_page_writes', 'synchronous_commit']) name
        WHERE current_setting(name) NOT IN ('on', 'remote_apply', 'remote_write')
      ) AS unsafe`
  return row ?? (yield* Effect.die(new Error("PostgreSQL answered nothing to a SELECT without FROM")))
})

/** The head of each shard that waits for the relay: at work while it is young. */
const auditOutbox = (database: string, settleSeconds: number): Check =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ key: string; messages: number; age: number }>`
      SELECT key, count(*)::int AS messages, extract(epoch FROM now() - min(created_at))::float8 AS age
      FROM relay_lease r CROSS JOIN LATERAL (
        SELECT key, position, created_at FROM outbox o WHERE o.shard = r.shard ORDER BY o.position LIMIT 100
      ) head
      GROUP BY key ORDER BY min(position) LIMIT 1000`
    return rows.map(({ age, key, messages }): Finding => ({
      invariant: "outbox-empty",
      id: key,
      detail: `${messages} messages wait at the head of the outbox of ${database}, the oldest for ${Math.round(age)} s`,
      inFlight: age < settleSeconds
    }))
  })

/** Messages that were set aside, and keys that wait behind them. */
const auditDeadLetters = (database: string): Check =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const letters = yield* sql<{ id: string; consumer: string; reason: string; state: string }>`
      SELECT id, consumer, reason, state FROM dead_letter
      WHERE state IN ('open', 'replay requested', 'discard requested') ORDER BY id LIMIT 1000`
    const keys = yield* sql<{ consumer: string; key: string; waiting: number }>`
      SELECT p.consumer, p.key, (SELECT count(*)::int FROM (
          SELECT FROM parked_message m WHERE m.consumer = p.consumer AND m.key = p.key LIMIT 1000) m) AS waiting
      FROM parked_key p ORDER BY p.consumer, p.key LIMIT 1000`
    return [
      ...letters.map(({ consumer, id, reason, state }): Finding => ({
        invariant: "no-dead-letter",
        id,
        detail: `${database}: dead letter of ${consumer} (${state}): ${reason}`,
        inFlight: state !== "open"
      })),
      ...keys.map(({ consumer, key, waiting }): Finding => ({
        invariant: "no-dead-letter",
        id: key,
        detail: `${database}: the key waits before ${consumer} with ${waiting} messages`,
        inFlight: false
      }))
    ]
  })

/** What is wrong with a database as a whole, whatever its orders: settings, outbox, dead letters. Its cost is bounded. */
export const auditSurroundings = (database: string, settleSeconds: number): Check =>
  Effect.gen(function*() {
    const { letters, outbox, unsafe } = yield* auditedTables
    return [
      ...unsafe.map((detail): Finding => ({ invariant: "durable-settings", id: database, detail, inFlight: false })),
      ...outbox ? yield* auditOutbox(database, settleSeconds) : [],
      ...letters ? yield* auditDeadLetters(database) : []
    ]
  })
