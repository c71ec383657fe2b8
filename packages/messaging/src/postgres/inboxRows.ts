import { DateTime, Schema } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import type { DeadLetter, DeadLetterCount, DeadLetterState } from "../DeadLetters.ts"
import type { NewDeadLetter, StoredMessage } from "../InboxStore.ts"
import { EVENT_TYPE } from "../Message.ts"
import type { WaitingMessage } from "../ReplayStore.ts"

// How messages and letters lie in the tables of inboxSchema.ts. Headers travel as text: a client may be set up to rename
// the fields of JSON values.

/**
 * Messages as a FROM item `m` of nine columns: message_id, topic, partition, "offset", key, event_type, headers, payload,
 * nth. Nulls are told beside the values, since the driver cannot send an array of nothing but nulls.
 */
export const messageColumns = (sql: SqlClient.SqlClient, messages: ReadonlyArray<StoredMessage>) =>
  sql`(
    SELECT u.message_id, u.topic, u.partition, u."offset", CASE WHEN u.keyed THEN u.key END AS key,
      u.headers::jsonb ->> ${EVENT_TYPE} AS event_type, u.headers::jsonb AS headers,
      CASE WHEN u.filled THEN u.payload END AS payload, u.nth
    FROM unnest(
      ${messages.map(({ messageId }) => messageId)}::text[],
      ${messages.map(({ message }) => message.topic)}::text[],
      ${messages.map(({ message }) => message.partition)}::int[],
      ${messages.map(({ message }) => message.offset)}::bigint[],
      ${messages.map(({ message }) => message.key ?? "")}::text[],
      ${messages.map(({ message }) => message.key !== null)}::boolean[],
      ${messages.map(({ message }) => JSON.stringify(message.headers))}::text[],
      ${messages.map(({ message }) => message.payload ?? new Uint8Array())}::bytea[],
      ${messages.map(({ message }) => message.payload !== null)}::boolean[]
    ) WITH ORDINALITY AS u (message_id, topic, partition, "offset", key, keyed, headers, payload, filled, nth)
  ) AS m`

/** Letters as a FROM item `m` of the columns that `insertLetters` names, from id to payload. */
const letterColumns = (sql: SqlClient.SqlClient, letters: ReadonlyArray<NewDeadLetter>) =>
  sql`(
    SELECT l.id, l.reason, l.attempts, l.first_failed_at, l.last_failed_at,
      m.message_id, m.topic, m.partition, m."offset", m.key, m.event_type, m.headers, m.payload
    FROM unnest(
      ${letters.map((letter) => letter.id)}::uuid[],
      ${letters.map((letter) => letter.reason)}::text[],
      ${letters.map((letter) => letter.attempts)}::int[],
      ${letters.map((letter) => DateTime.toDate(letter.firstFailedAt))}::timestamptz[],
      ${letters.map((letter) => DateTime.toDate(letter.lastFailedAt))}::timestamptz[]
    ) WITH ORDINALITY AS l (id, reason, attempts, first_failed_at, last_failed_at, nth)
    JOIN ${messageColumns(sql, letters)} USING (nth)
  ) AS m`

export const insertLetters = (
  sql: SqlClient.SqlClient,
  consumer: string,
  letters: ReadonlyArray<NewDeadLetter>
): Statement.Statement<unknown> =>
  sql`
    INSERT INTO dead_letter (
      consumer, id, reason, attempts, first_failed_at, last_failed_at,
      message_id, topic, partition, "offset", key, event_type, headers, payload
    )
    SELECT ${consumer}, m.* FROM ${letterColumns(sql, letters)}`

/** A message as SELECT gives it, with `headers::text AS headers`. */
export interface MessageRow {
  readonly message_id: string
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: string | null
  readonly headers: string
  readonly payload: Uint8Array | null
}

const Headers = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))

export const storedMessage = (row: MessageRow): StoredMessage => ({
  messageId: row.message_id,
  message: {
    topic: row.topic,
    partition: row.partition,
    offset: row.offset,
    key: row.key,
    headers: Headers(row.headers),
    payload: row.payload
  }
})

export const waitingMessage = (row: MessageRow & { readonly sequence: bigint }): WaitingMessage => ({
  ...storedMessage(row),
  sequence: row.sequence
})

export interface LetterRow extends MessageRow {
  readonly id: string
  readonly consumer: string
  readonly reason: string
  readonly attempts: number
  readonly first_failed_at: Date
  readonly last_failed_at: Date
  readonly state: DeadLetterState
  readonly discard_reason: string | null
  readonly waiting: bigint
}

/** `SELECT ... FROM dead_letter d`, to go on with a WHERE. */
export const selectLetters = (sql: SqlClient.SqlClient) =>
  sql`
    SELECT d.id, d.consumer, d.message_id, d.topic, d.partition, d."offset", d.key, d.headers::text AS headers, d.payload,
      d.reason, d.attempts, d.first_failed_at, d.last_failed_at, d.state, d.discard_reason,
      (
        SELECT count(*) FROM parked_key k JOIN parked_message m USING (consumer, key)
        WHERE k.consumer = d.consumer AND k.key = d.key AND k.dead_letter_id = d.id
      ) AS waiting
    FROM dead_letter d`

export const deadLetter = (row: LetterRow): DeadLetter => ({
  ...storedMessage(row),
  id: row.id,
  consumer: row.consumer,
  reason: row.reason,
  attempts: row.attempts,
  firstFailedAt: DateTime.fromDateUnsafe(row.first_failed_at),
  lastFailedAt: DateTime.fromDateUnsafe(row.last_failed_at),
  state: row.state,
  discardReason: row.discard_reason ?? undefined,
  waiting: Number(row.waiting)
})

export interface CountRow {
  readonly consumer: string
  readonly letters: bigint
  readonly parked_keys: bigint
  readonly waiting: bigint
}

/** What stands unsettled, for one consumer or for each. */
export const selectCounts = (sql: SqlClient.SqlClient, consumer?: string) => {
  const where = consumer === undefined ? sql`true` : sql`consumer = ${consumer}`
  return sql<CountRow>`
    SELECT consumer, sum(l)::bigint AS letters, sum(k)::bigint AS parked_keys, sum(m)::bigint AS waiting
    FROM (
      SELECT consumer, count(*) AS l, 0 AS k, 0 AS m FROM dead_letter
      WHERE state IN ('open', 'replay requested', 'discard requested') AND ${where} GROUP BY consumer
      UNION ALL SELECT consumer, 0, count(*), 0 FROM parked_key WHERE ${where} GROUP BY consumer
      UNION ALL SELECT consumer, 0, 0, count(*) FROM parked_message WHERE ${where} GROUP BY consumer
    ) AS counted
    GROUP BY consumer ORDER BY consumer`
}

export const deadLetterCount = (row: CountRow): DeadLetterCount => ({
  consumer: row.consumer,
  letters: Number(row.letters),
  parkedKeys: Number(row.parked_keys),
  waiting: Number(row.waiting)
})
