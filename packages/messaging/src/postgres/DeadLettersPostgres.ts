import { PgClient } from "@effect/sql-pg/PgClient"
import { Effect, Layer } from "effect"
import type { Statement } from "effect/sql"
import { DeadLetterNotFound, DeadLetters, DeadLetterSettled, type DeadLetterState } from "../DeadLetters.ts"
import { deadLetter, deadLetterCount, type LetterRow, selectCounts, selectLetters } from "./inboxRows.ts"
import { orUnavailable } from "./Postgres.ts"

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export const DeadLettersPostgres = Layer.effect(
  DeadLetters,
  Effect.map(PgClient, (client) => {
    const sql = client.withoutTransforms()
    const unsettled = sql`state IN ('open', 'replay requested', 'discard requested')`

    /** An id is what somebody typed: one that is no UUID is not there either. */
    const known = (id: string) => UUID.test(id) ? Effect.void : Effect.fail(new DeadLetterNotFound({ id }))

    const mark = (id: string, change: Statement.Fragment) =>
      Effect.gen(function*() {
        yield* known(id)
        const marked = yield* orUnavailable(
          sql`UPDATE dead_letter SET ${change} WHERE id = ${id} AND ${unsettled} RETURNING 1 AS marked`
        )
        if (marked.length > 0) return
        const [letter] = yield* orUnavailable(
          sql<{ state: DeadLetterState }>`SELECT state FROM dead_letter WHERE id = ${id}`
        )
        return yield* letter === undefined
          ? new DeadLetterNotFound({ id })
          : new DeadLetterSettled({ id, state: letter.state })
      })

    return DeadLetters.of({
      list: ({ after, consumer, key, limit = 100, state = "unsettled" } = {}) =>
        orUnavailable(sql<LetterRow>`
          ${selectLetters(sql)} WHERE ${
          sql.and([
            ...(state === "any" ? [] : state === "unsettled" ? [unsettled] : [sql`d.state = ${state}`]),
            ...(consumer === undefined ? [] : [sql`d.consumer = ${consumer}`]),
            ...(key === undefined ? [] : [sql`d.key = ${key}`]),
            ...(after === undefined ? [] : [sql`d.id > ${after}`])
          ])
        } ORDER BY d.id LIMIT ${limit}`).pipe(Effect.map((rows) => rows.map(deadLetter))),
      show: (id) =>
        known(id).pipe(
          Effect.andThen(orUnavailable(sql<LetterRow>`${selectLetters(sql)} WHERE d.id = ${id}`)),
          Effect.flatMap(([row]) =>
            row === undefined ? Effect.fail(new DeadLetterNotFound({ id })) : Effect.succeed(deadLetter(row))
          )
        ),
      replay: (id) => mark(id, sql`state = 'replay requested', discard_reason = NULL`),
      replayAll: (consumer) =>
        orUnavailable(sql`
          UPDATE dead_letter SET state = 'replay requested'
          WHERE id IN (
            SELECT id FROM dead_letter WHERE state = 'open' AND ${
          consumer === undefined ? sql`true` : sql`consumer = ${consumer}`
        } ORDER BY id FOR UPDATE
          ) RETURNING 1 AS marked`).pipe(Effect.map((rows) => rows.length)),
      discard: (id, reason) => mark(id, sql`state = 'discard requested', discard_reason = ${reason}`),
      counts: orUnavailable(selectCounts(sql)).pipe(Effect.map((rows) => rows.map(deadLetterCount)))
    })
  })
)
