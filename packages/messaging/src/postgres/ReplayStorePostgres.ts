import { DateTime, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { ReplayStore } from "../ReplayStore.ts"
import {
  deadLetter,
  deadLetterCount,
  insertLetters,
  type LetterRow,
  type MessageRow,
  selectCounts,
  selectLetters,
  storedMessage,
  waitingMessage
} from "./inboxRows.ts"
import { orUnavailable } from "./Postgres.ts"

export const replayStorePostgres = (sql: SqlClient.SqlClient): ReplayStore["Service"] =>
  ReplayStore.of({
    errands: (consumer) =>
      orUnavailable(sql<{ letterId: string; key: string | null }>`
        SELECT id AS "letterId", key FROM dead_letter
        WHERE consumer = ${consumer} AND state IN ('replay requested', 'discard requested')
        UNION
        SELECT dead_letter_id, key FROM parked_key WHERE consumer = ${consumer} AND draining
        ORDER BY 1`),
    lockGate: (consumer, key) =>
      orUnavailable(sql<{ letterId: string; draining: boolean }>`
        SELECT dead_letter_id AS "letterId", draining FROM parked_key
        WHERE consumer = ${consumer} AND key = ${key} FOR UPDATE`).pipe(Effect.map(([gate]) => gate)),
    lockLetter: (letterId) =>
      orUnavailable(sql<LetterRow>`${selectLetters(sql)} WHERE d.id = ${letterId} FOR UPDATE OF d`).pipe(
        Effect.map(([row]) => row === undefined ? undefined : deadLetter(row))
      ),
    settle: (letterId, state) =>
      orUnavailable(sql`UPDATE dead_letter SET state = ${state}, settled_at = now() WHERE id = ${letterId}`).pipe(
        Effect.asVoid
      ),
    reopen: (letterId, { at, attempts, reason }) =>
      orUnavailable(sql`
        UPDATE dead_letter SET state = 'open', reason = ${reason}, attempts = attempts + ${attempts},
          last_failed_at = ${DateTime.toDate(at)}
        WHERE id = ${letterId}`).pipe(Effect.asVoid),
    drain: (consumer, key) =>
      orUnavailable(sql`UPDATE parked_key SET draining = true WHERE consumer = ${consumer} AND key = ${key}`).pipe(
        Effect.asVoid
      ),
    waiting: (consumer, key, limit) =>
      orUnavailable(sql<MessageRow & { readonly sequence: bigint }>`
        SELECT sequence, message_id, topic, partition, "offset", key, headers::text AS headers, payload
        FROM parked_message WHERE consumer = ${consumer} AND key = ${key} ORDER BY sequence LIMIT ${limit}`).pipe(
        Effect.map((rows) => rows.map(waitingMessage))
      ),
    release: (consumer, key, sequences) =>
      orUnavailable(sql`
        DELETE FROM parked_message
        WHERE consumer = ${consumer} AND key = ${key} AND sequence = ANY(${sequences}::bigint[])`).pipe(Effect.asVoid),
    replaceLetter: (consumer, key, letter) =>
      orUnavailable(insertLetters(sql, consumer, [letter])).pipe(
        Effect.andThen(orUnavailable(sql`
          UPDATE parked_key SET dead_letter_id = ${letter.id}, draining = false
          WHERE consumer = ${consumer} AND key = ${key}`)),
        Effect.asVoid
      ),
    openGate: (consumer, key) =>
      orUnavailable(sql`DELETE FROM parked_key WHERE consumer = ${consumer} AND key = ${key}`).pipe(Effect.asVoid),
    heldBack: (consumer, after, limit) =>
      orUnavailable(sql<MessageRow & { readonly place: string }>`
        SELECT * FROM (
          SELECT 'letter/' || id AS place, message_id, topic, partition, "offset", key, headers::text AS headers, payload
          FROM dead_letter
          WHERE consumer = ${consumer} AND state IN ('open', 'replay requested', 'discard requested')
          UNION ALL
          SELECT 'waiting/' || lpad(sequence::text, 20, '0'), message_id, topic, partition, "offset", key,
            headers::text, payload
          FROM parked_message WHERE consumer = ${consumer}
        ) held WHERE place COLLATE "C" > ${after} ORDER BY place COLLATE "C" LIMIT ${limit}`).pipe(
        Effect.map((rows) => rows.map((row) => ({ ...storedMessage(row), place: row.place })))
      ),
    closedGates: (consumer, among) =>
      orUnavailable(sql<{ key: string }>`
        SELECT key FROM parked_key
        WHERE consumer = ${consumer} AND ${among === undefined ? sql`true` : sql`key = ANY(${among}::text[])`}`).pipe(
        Effect.map((rows) => new Set(rows.map(({ key }) => key)))
      ),
    count: (consumer) =>
      orUnavailable(selectCounts(sql, consumer)).pipe(
        Effect.map(([row]) => row === undefined ? { letters: 0, parkedKeys: 0, waiting: 0 } : deadLetterCount(row))
      )
  })
