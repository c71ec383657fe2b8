import { Context, Duration, Effect, Layer, Metric } from "effect"
import { supervised } from "./Supervisor.ts"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** The tables that are purged by age. Dead letters and what waits behind them never are. */
export type PurgedTable = "inbox" | "idempotency"

/** Removes what has become too old to matter. */
export class Purge extends Context.Service<Purge, {
  /**
   * Deletes at most `limit` rows older than `age`, by the database's clock, and gives how many there were; undefined
   * when another replica is at it just now.
   */
  readonly batch: (
    table: PurgedTable,
    age: Duration.Duration,
    limit: number
  ) => Effect.Effect<number | undefined, DatabaseUnavailable>
}>()("@g-store/messaging/Purge") {}

/** How long rows are kept. */
export interface RetentionOptions {
  /** Longer than any topic keeps its messages, or one that comes again is taken for new; 8 days if absent. */
  readonly inbox?: Duration.Input | undefined
  /** 24 hours if absent. */
  readonly idempotency?: Duration.Input | undefined
  /** Between two rounds; 10 minutes if absent. */
  readonly every?: Duration.Input | undefined
  /** Rows in a statement; 1000 if absent. */
  readonly limit?: number | undefined
}

const purged = Metric.counter("retention_rows_purged_total", {
  description: "Rows deleted because of their age",
  incremental: true
})

/** Purges the named tables of this service's database for as long as the layer lives. */
export const retention = (
  tables: ReadonlyArray<PurgedTable>,
  options: RetentionOptions = {}
): Layer.Layer<never, never, Purge> => {
  const limit = options.limit ?? 1_000
  const ages = {
    inbox: Duration.fromInputUnsafe(options.inbox ?? "8 days"),
    idempotency: Duration.fromInputUnsafe(options.idempotency ?? "24 hours")
  }
  /** Small batches with a breath between them: a purge never holds up those who serve. */
  const round = Effect.fnUntraced(function*(table: PurgedTable) {
    const purge = yield* Purge
    while (true) {
      const deleted = yield* purge.batch(table, ages[table], limit)
      if (deleted === undefined) return
      yield* Metric.update(Metric.withAttributes(purged, { table }), deleted)
      if (deleted < limit) return
      yield* Effect.sleep("100 millis")
    }
  })
  const rounds = Effect.forEach(tables, round, { discard: true }).pipe(
    // The next round comes anyway.
    Effect.catchTag("DatabaseUnavailable", (error) => Effect.logInfo("purged nothing this time", error)),
    Effect.andThen(Effect.sleep(options.every ?? "10 minutes")),
    Effect.forever
  )
  return Layer.effectDiscard(
    Effect.forkScoped(supervised("retention", rounds)).pipe(Effect.annotateLogs({ module: "messaging.retention" }))
  )
}
