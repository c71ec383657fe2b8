import { DateTime } from "effect"
import type { SqlClient } from "effect/sql"
import type { NewDeadLetter, StoredMessage } from "../InboxStore.ts"
import { EVENT_TYPE } from "../Message.ts"

/**
 * Messages as a FROM item `m` of nine columns: message_id, topic, partition, "offset", key, event_type, headers, payload,
 * nth.
 */
export const messageColumns = (sql: SqlClient.SqlClient, messages: ReadonlyArray<StoredMessage>) =>
  sql`(
    SELECT u.message_id, u.topic, u.partition, u."offset", u.key, u.event_type, u.headers::jsonb, u.payload, u.nth
    FROM unnest(
      ${messages.map(({ messageId }) => messageId)}::text[],
      ${messages.map(({ message }) => message.topic)}::text[],
      ${messages.map(({ message }) => message.partition)}::int[],
      ${messages.map(({ message }) => message.offset)}::bigint[],
      ${messages.map(({ message }) => message.key)}::text[],
      ${messages.map(({ message }) => message.headers[EVENT_TYPE] ?? null)}::text[],
      ${messages.map(({ message }) => JSON.stringify(message.headers))}::text[],
      ${messages.map(({ message }) => message.payload)}::bytea[]
    ) WITH ORDINALITY AS u (message_id, topic, partition, "offset", key, event_type, headers, payload, nth)
  ) AS m`

/** Letters as a FROM item `m` of the columns of `dead_letter`, from id to payload. */
export const letterColumns = (sql: SqlClient.SqlClient, letters: ReadonlyArray<NewDeadLetter>) =>
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
