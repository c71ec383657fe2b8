import { Effect, Layer } from "effect"
import { DeadLetterNotFound, DeadLetters, DeadLetterSettled } from "../DeadLetters.ts"
import { changeLetter, countOf, deadLetter, type DeadLetterRow, isUnsettled, letterLock } from "./inboxRows.ts"
import { MemoryDatabase } from "./MemoryDatabase.ts"

export const DeadLettersMemory = Layer.effect(
  DeadLetters,
  Effect.map(MemoryDatabase, (database) => {
    const mark = (id: string, change: (row: DeadLetterRow) => DeadLetterRow) =>
      database.statement("dead letters mark", [letterLock(id)], (rows) => {
        const row = rows.get<DeadLetterRow>("dead_letter", id)
        if (row !== undefined && isUnsettled(row)) rows.put("dead_letter", id, change(row))
        return row
      }).pipe(
        Effect.flatMap((row): Effect.Effect<void, DeadLetterNotFound | DeadLetterSettled> =>
          row === undefined
            ? Effect.fail(new DeadLetterNotFound({ id }))
            : isUnsettled(row)
            ? Effect.void
            : Effect.fail(new DeadLetterSettled({ id, state: row.state }))
        )
      )

    return DeadLetters.of({
      list: ({ after, consumer, key, limit = 100, state = "unsettled" } = {}) =>
        database.statement(
          "dead letters list",
          [],
          (rows) =>
            rows.scan<DeadLetterRow>("dead_letter", (row) =>
              (state === "any" || (state === "unsettled" ? isUnsettled(row) : row.state === state)) &&
              (consumer === undefined || row.consumer === consumer) &&
              (key === undefined || row.message.key === key) &&
              (after === undefined || row.id > after))
              .toSorted((a, b) =>
                a.id < b.id ? -1 : 1
              )
              .slice(0, limit)
              .map((row) => deadLetter(rows, row))
        ),
      show: (id) =>
        database.statement("dead letters show", [], (rows) => {
          const row = rows.get<DeadLetterRow>("dead_letter", id)
          return row === undefined ? undefined : deadLetter(rows, row)
        }).pipe(Effect.flatMap((letter) =>
          letter === undefined ? Effect.fail(new DeadLetterNotFound({ id })) : Effect.succeed(letter)
        )),
      replay: (id) => mark(id, (row) => ({ ...row, state: "replay requested", discardReason: undefined })),
      replayAll: (consumer) =>
        database.transaction(Effect.gen(function*() {
          const ids = yield* database.statement("dead letters open", [], (rows) =>
            rows.scan<DeadLetterRow>(
              "dead_letter",
              (row) => row.state === "open" && (consumer === undefined || row.consumer === consumer)
            ).map((row) => row.id).toSorted())
          return yield* database.statement("dead letters replay all", ids.map(letterLock), (rows) => {
            const open = ids.filter((id) => rows.get<DeadLetterRow>("dead_letter", id)?.state === "open")
            for (const id of open) changeLetter(rows, id, (row) => ({ ...row, state: "replay requested" }))
            return open.length
          })
        })),
      discard: (id, reason) => mark(id, (row) => ({ ...row, state: "discard requested", discardReason: reason })),
      counts: database.statement("dead letters counts", [], (rows) => countOf(rows))
    })
  })
)
