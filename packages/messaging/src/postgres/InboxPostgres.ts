import { PgClient } from "@effect/sql-pg/PgClient"
import { Context, Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { InboxStore } from "../InboxStore.ts"
import { ReplayStore } from "../ReplayStore.ts"
import { insertLetters, messageColumns } from "./inboxRows.ts"
import { orUnavailable } from "./Postgres.ts"
import { replayStorePostgres } from "./ReplayStorePostgres.ts"

const inboxStore = (sql: SqlClient.SqlClient) =>
  InboxStore.of({
    take: (consumer, ids, keys) =>
      orUnavailable(sql<{ id: string; parked: boolean }>`
        WITH taken AS (
          INSERT INTO inbox (consumer, message_id)
          SELECT ${consumer}, id FROM unnest(${ids}::text[]) AS id ORDER BY id COLLATE "C"
          ON CONFLICT (consumer, message_id) DO NOTHING
          RETURNING message_id AS id
        )
        SELECT id, EXISTS (
          SELECT FROM parked_key WHERE consumer = ${consumer} AND key = ANY(${keys}::text[])
        ) AS parked FROM taken`).pipe(
        Effect.map((rows) => ({
          fresh: new Set(rows.map(({ id }) => id)),
          open: rows.length === ids.length && rows.every(({ parked }) => !parked)
        }))
      ),
    gates: (consumer, keys) =>
      orUnavailable(sql<{ key: string }>`
        SELECT key FROM parked_key WHERE consumer = ${consumer} AND key = ANY(${keys}::text[])
        ORDER BY key COLLATE "C" FOR UPDATE`).pipe(Effect.map((rows) => new Set(rows.map((row) => row.key)))),
    setAside: (consumer, letters) => {
      const keyed = letters.filter((letter) => letter.message.key !== null)
      const close = orUnavailable(sql`
        INSERT INTO parked_key (consumer, key, dead_letter_id)
        SELECT ${consumer}, l.key, l.id
        FROM unnest(
          ${keyed.map((letter) => letter.message.key)}::text[], ${keyed.map((letter) => letter.id)}::uuid[]
        ) AS l (key, id)
        ORDER BY l.key COLLATE "C"
        ON CONFLICT (consumer, key) DO NOTHING
        RETURNING key`)
      return orUnavailable(insertLetters(sql, consumer, letters)).pipe(
        Effect.andThen(keyed.length === 0 ? Effect.succeed([]) : close),
        Effect.map((closed) => closed.length === keyed.length)
      )
    },
    park: (consumer, messages) =>
      orUnavailable(sql`
        INSERT INTO parked_message (consumer, message_id, topic, partition, "offset", key, headers, payload)
        SELECT ${consumer}, m.message_id, m.topic, m.partition, m."offset", m.key, m.headers, m.payload
        FROM ${messageColumns(sql, messages)} ORDER BY m.nth`).pipe(Effect.asVoid)
  })
/** Both sides of what a consumer keeps in its service's database. */
export const InboxPostgres = Layer.effectContext(
  Effect.map(PgClient, (client) => {
    const sql = client.withoutTransforms()
    return Context.make(InboxStore, inboxStore(sql)).pipe(Context.add(ReplayStore, replayStorePostgres(sql)))
  })
)
