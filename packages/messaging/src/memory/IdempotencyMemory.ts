import { Effect, Layer, Option, type Schema } from "effect"
import { Idempotency, type IdempotencyKey, KeyInUse, KeyReused } from "../Idempotency.ts"
import { MemoryDatabase, type Rows } from "./MemoryDatabase.ts"

/** A row of the table `idempotency`; its key is `idempotencyRowKey`. */
export interface IdempotencyRow extends IdempotencyKey {
  readonly answer: Schema.Json
  readonly createdAt: number
}

const TABLE = "idempotency"

/** Scope and key joined so that no two pairs meet. */
export const idempotencyRowKey = ({ key, scope }: Pick<IdempotencyKey, "scope" | "key">): string =>
  `${scope.length}:${scope}${key}`

/** The lock on a key, for adapters that store keys inside a statement of their own. */
export const idempotencyLock = (key: Pick<IdempotencyKey, "scope" | "key">): string =>
  `${TABLE}/${idempotencyRowKey(key)}`

/** What is stored under a key. */
export const idempotencyRow = (
  rows: Rows,
  key: Pick<IdempotencyKey, "scope" | "key">
): IdempotencyRow | undefined => rows.get<IdempotencyRow>(TABLE, idempotencyRowKey(key))

/** Stores a key with its answer inside a statement that holds its lock, unless it is known; true if it was stored. */
export const putIdempotencyRow = (rows: Rows, key: IdempotencyKey, answer: Schema.Json): boolean => {
  if (idempotencyRow(rows, key) !== undefined) return false
  const row: IdempotencyRow = { scope: key.scope, key: key.key, hash: key.hash, answer, createdAt: rows.now }
  rows.put(TABLE, idempotencyRowKey(key), row)
  return true
}

export const IdempotencyMemory = Layer.effect(
  Idempotency,
  Effect.gen(function*() {
    const database = yield* MemoryDatabase

    /** Owns the key from here to the end of the transaction; a twin's transaction is waited for. */
    const lock = (use: IdempotencyKey) =>
      database.statement("lock idempotency key", [idempotencyLock(use)], (rows) => idempotencyRow(rows, use)).pipe(
        // Just before the database would end the transaction for waiting too long, which would say less.
        Effect.timeoutOption("4900 millis"),
        Effect.flatMap(Option.match({
          onNone: () => Effect.fail(new KeyInUse({ key: use.key })),
          onSome: Effect.succeed
        }))
      )

    const once: Idempotency["Service"]["once"] = (use, effect) =>
      database.transaction(Effect.gen(function*() {
        const known = yield* lock(use)
        if (known !== undefined) {
          if (known.hash !== use.hash) return yield* new KeyReused({ key: use.key })
          return { answer: known.answer, replayed: true }
        }
        const answer = yield* effect
        yield* database.statement("keep answer", [], (rows) => putIdempotencyRow(rows, use, answer))
        return { answer, replayed: false }
      }))

    return Idempotency.of({ once })
  })
)
