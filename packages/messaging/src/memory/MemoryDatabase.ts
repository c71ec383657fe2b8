import { Context, type Effect, Layer } from "effect"
import type { DatabaseUnavailable } from "../Transactions.ts"
import { makeMemoryDatabase } from "./MemorySession.ts"
import { type MemoryTables, memoryTables } from "./MemoryTables.ts"

/** The synchronous face of a memory transaction: reads see its own writes; everything applies at commit. */
export interface Rows {
  readonly get: <R extends object>(table: string, key: string) => R | undefined
  readonly put: (table: string, key: string, row: object) => void
  readonly remove: (table: string, key: string) => void
  /** Rows in insertion order (a rewritten row keeps its place), at most `limit`, that `where` holds for. */
  readonly scan: <R extends object>(table: string, where?: (row: R) => boolean, limit?: number) => ReadonlyArray<R>
  /** Like a PostgreSQL sequence: never rolled back. */
  readonly nextSequence: (name: string) => number
  /** The server's time, milliseconds since the epoch. */
  readonly now: number
}

/**
 * The transactional database behind every memory adapter: row locks, atomic commit, read-your-writes. The simulation
 * puts its own in this place, with crashes and lost answers, so adapters reach durable state through nothing else.
 */
export class MemoryDatabase extends Context.Service<MemoryDatabase, {
  /** Buffered; applied in one step at commit; rolled back on failure or interruption. Nested: joins the outer one. */
  readonly transaction: <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DatabaseUnavailable, R>
  /**
   * One statement of the surrounding transaction (or of its own): takes the row locks in the order given, as
   * `table/key`, waits for them as SELECT ... FOR UPDATE does and keeps them to the transaction's end, then runs `f`
   * in one synchronous step. A wait of over 5 s ends the transaction, and so may a deadlock at once. When `f` throws, which
   * is a defect, the statement has written nothing.
   */
  readonly statement: <A>(
    label: string,
    locks: ReadonlyArray<string>,
    f: (rows: Rows) => A
  ) => Effect.Effect<A, DatabaseUnavailable>
  /**
   * Runs `effect` once the surrounding transaction has committed (at once outside of any); never if it rolls back.
   * For signals only: they are lost when the process ends first.
   */
  readonly afterCommit: (effect: Effect.Effect<void>) => Effect.Effect<void>
}>()("@g-store/messaging/MemoryDatabase") {
  /** A database over tables that outlive it, for tests that restart its clients. */
  static readonly layerOf = (durable: MemoryTables): Layer.Layer<MemoryDatabase> =>
    Layer.sync(MemoryDatabase, () => MemoryDatabase.of(makeMemoryDatabase(durable)))

  /** An empty database each time it is built. */
  static readonly layer: Layer.Layer<MemoryDatabase> = Layer.sync(
    MemoryDatabase,
    () => MemoryDatabase.of(makeMemoryDatabase(memoryTables()))
  )
}
