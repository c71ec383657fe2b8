import { PgClient } from "@effect/sql-pg/PgClient"
import { Effect, Layer, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { Idempotency, type IdempotencyKey, KeyInUse, KeyReused } from "../Idempotency.ts"
import { orUnavailable, transaction } from "./Postgres.ts"

/** A key with its answer, for adapters that store many at once. */
export interface AnsweredKey extends IdempotencyKey {
  readonly answer: Schema.Json
}

interface Row {
  readonly scope: string
  readonly key: string
  readonly hash: string
  readonly answer: string
}

const Answer = Schema.fromJsonString(Schema.Json)
const encodeAnswer = Schema.encodeSync(Answer)
const decodeAnswer = Schema.decodeSync(Answer)

/**
 * `INSERT INTO idempotency ... ON CONFLICT DO NOTHING RETURNING scope, key` as a fragment, to be the first CTE of an
 * adapter's one-statement write: effects follow only for the keys that it returns. It waits for transactions that are
 * working on the same keys, one key after the other in one order for everybody, so that two batches cannot deadlock.
 */
export const idempotencyInsert = (sql: SqlClient.SqlClient, keys: ReadonlyArray<AnsweredKey>) =>
  sql`
    INSERT INTO idempotency (scope, key, hash, answer)
    SELECT k.scope, k.key, k.hash, k.answer::jsonb
    FROM unnest(
      ${keys.map((key) => key.scope)}::text[], ${keys.map((key) => key.key)}::text[],
      ${keys.map((key) => key.hash)}::text[], ${keys.map((key) => encodeAnswer(key.answer))}::text[]
    ) AS k (scope, key, hash, answer)
    ORDER BY k.scope COLLATE "C", k.key COLLATE "C"
    ON CONFLICT (scope, key) DO NOTHING
    RETURNING scope, key`

/** What is stored under the keys; a key that nobody has used is left out. */
export const idempotencyLookup = (
  sql: SqlClient.SqlClient,
  keys: ReadonlyArray<Pick<IdempotencyKey, "scope" | "key">>
) =>
  // The answer travels as text: a client may be set up to rename the fields of JSON values.
  orUnavailable(sql<Row>`
    SELECT i.scope, i.key, i.hash, i.answer::text AS answer
    FROM idempotency i
    JOIN unnest(${keys.map((key) => key.scope)}::text[], ${keys.map((key) => key.key)}::text[]) AS k (scope, key)
      ON i.scope = k.scope AND i.key = k.key`).pipe(
    Effect.map((rows): ReadonlyArray<AnsweredKey> => rows.map((row) => ({ ...row, answer: decodeAnswer(row.answer) })))
  )

export const IdempotencyPostgres = Layer.effect(
  Idempotency,
  Effect.gen(function*() {
    const sql = yield* PgClient

    /** True when this transaction now owns the key; a twin's transaction is waited for. */
    const win = Effect.fnUntraced(function*({ hash, key, scope }: IdempotencyKey) {
      yield* sql`SET LOCAL lock_timeout = '5s'`
      const won = yield* sql`
        INSERT INTO idempotency (scope, key, hash) VALUES (${scope}, ${key}, ${hash})
        ON CONFLICT (scope, key) DO NOTHING RETURNING 1 AS won`.pipe(
        Effect.catchReason("SqlError", "LockTimeoutError", () => Effect.fail(new KeyInUse({ key })))
      )
      // The wait was for the key alone: what the effect locks is waited for as everywhere else.
      yield* sql`SET LOCAL lock_timeout TO DEFAULT`
      return won.length > 0
    })

    const once: Idempotency["Service"]["once"] = (use, effect) =>
      transaction(sql)(Effect.gen(function*() {
        while (!(yield* win(use))) {
          const [known] = yield* idempotencyLookup(sql, [use])
          // Purged between the two statements: the key is free again.
          if (known === undefined) continue
          if (known.hash !== use.hash) return yield* new KeyReused({ key: use.key })
          return { answer: known.answer, replayed: true }
        }
        const answer = yield* effect
        yield* sql`
          UPDATE idempotency SET answer = ${
          encodeAnswer(answer)
        }::jsonb WHERE scope = ${use.scope} AND key = ${use.key}`
        return { answer, replayed: false }
      }))

    return Idempotency.of({ once })
  })
)
