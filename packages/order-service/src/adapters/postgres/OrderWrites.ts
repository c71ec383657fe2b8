import * as PgTypes from "@effect/sql-pg/PgTypes"
import type { IdempotencyKey } from "@g-store/messaging/Idempotency.ts"
import type { OutgoingMessage } from "@g-store/messaging/Message.ts"
import { idempotencyInsert } from "@g-store/messaging/postgres/IdempotencyPostgres.ts"
import { outboxInsert } from "@g-store/messaging/postgres/OutboxPostgres.ts"
import { DateTime, Result } from "effect"
import type { SqlClient } from "effect/sql"
import type { Decision } from "../../domain/Order.ts"

/** A new order with all that is stored beside it, fixed before it is tried for the first time. */
export interface NewOrder {
  readonly decision: Decision
  readonly messages: ReadonlyArray<OutgoingMessage>
  readonly key: IdempotencyKey | undefined
}

/**
 * Stores new orders with history, messages and idempotency keys, in one statement; gives the ids that it stored.
 * The keys go first: an order whose key is known stores nothing. An order that is there already stores nothing again,
 * so after a lost answer the same statement reads back and tries again in one. The keys of a batch must differ.
 */
export const insertOrders = (sql: SqlClient.SqlClient, batch: ReadonlyArray<NewOrder>) => {
  const orders = batch.map(({ decision }) => decision.order)
  const keys = batch.flatMap(({ decision, key }) =>
    key === undefined ? [] : [{ ...key, answer: { orderId: decision.order.id } }]
  )
  const known = sql`n.key IS NOT NULL AND NOT EXISTS (SELECT FROM keys k WHERE k.scope = n.scope AND k.key = n.key)`
  return sql<{ readonly id: string }>`
    WITH ${keys.length === 0 ? sql.literal("") : sql`keys AS (${idempotencyInsert(sql, keys)}),`}
    stored AS (
      INSERT INTO orders (id, user_id, amount, status, description, version, created_at, updated_at)
      SELECT n.id, n.user_id, n.amount, n.status, n.description, n.version, n.created_at, n.updated_at
      FROM unnest(
        ${orders.map(({ id }) => id)}::uuid[],
        ${orders.map(({ userId }) => userId)}::uuid[],
        ${orders.map(({ amount }) => BigInt(amount))}::bigint[],
        ${orders.map(({ status }) => status)}::text[],
        ${texts(orders.map(({ description }) => description))},
        ${orders.map(({ version }) => version)}::integer[],
        ${orders.map(({ createdAt }) => DateTime.toDateUtc(createdAt))}::timestamptz[],
        ${orders.map(({ updatedAt }) => DateTime.toDateUtc(updatedAt))}::timestamptz[],
        ${texts(batch.map(({ key }) => key?.scope))},
        ${texts(batch.map(({ key }) => key?.key))}
      ) AS n (id, user_id, amount, status, description, version, created_at, updated_at, scope, key)
      ${keys.length === 0 ? sql.literal("") : sql`WHERE NOT (${known})`}
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    ),
    history AS (${historyInsert(sql, batch.map(({ decision }) => decision))}
      WHERE h.order_id IN (SELECT id FROM stored)),
    messages AS (${
    outboxInsert(sql, batch.flatMap(({ messages }) => messages), sql`m.key IN (SELECT id::text FROM stored)`)
  })
    SELECT id FROM stored`
}

/** Stores decisions about orders whose rows this transaction has locked, with history and messages. */
export const saveDecisions = (
  sql: SqlClient.SqlClient,
  decisions: ReadonlyArray<Decision>,
  messages: ReadonlyArray<OutgoingMessage>
) => {
  const orders = decisions.map(({ order }) => order)
  return sql`
    WITH changed AS (
      UPDATE orders o SET status = c.status, cancellation_reason = c.cancellation_reason, version = c.version,
        updated_at = c.updated_at
      FROM unnest(
        ${orders.map(({ id }) => id)}::uuid[],
        ${orders.map(({ status }) => status)}::text[],
        ${texts(orders.map(({ cancellationReason }) => cancellationReason))},
        ${orders.map(({ version }) => version)}::integer[],
        ${orders.map(({ updatedAt }) => DateTime.toDateUtc(updatedAt))}::timestamptz[]
      ) AS c (id, status, cancellation_reason, version, updated_at)
      WHERE o.id = c.id
    ),
    history AS (${historyInsert(sql, decisions)})
    ${outboxInsert(sql, messages)}`
}

/** An INSERT of what the decisions add to history; a condition over `h` may follow it. */
const historyInsert = (sql: SqlClient.SqlClient, decisions: ReadonlyArray<Decision>) => {
  const entries = decisions.flatMap((decision) =>
    decision.entries.map((entry) => ({ ...entry, orderId: decision.order.id }))
  )
  return sql`
    INSERT INTO order_history (order_id, version, status, actor_type, actor_id, reason, occurred_at)
    SELECT h.* FROM unnest(
      ${entries.map(({ orderId }) => orderId)}::uuid[],
      ${entries.map(({ version }) => version)}::integer[],
      ${entries.map(({ status }) => status)}::text[],
      ${entries.map(({ actor }) => actor.type)}::text[],
      ${texts(entries.map(({ actor }) => actor.id))},
      ${texts(entries.map(({ reason }) => reason))},
      ${entries.map(({ occurredAt }) => DateTime.toDateUtc(occurredAt))}::timestamptz[]
    ) AS h (order_id, version, status, actor_type, actor_id, reason, occurred_at)`
}

/** Texts of which some or all are absent: the driver cannot tell the type of an array of nulls by itself. */
const texts = (values: ReadonlyArray<string | undefined>) =>
  Result.getOrThrow(PgTypes.array(values.map((value) => value ?? null), PgTypes.OID.text))
