import { Duration, Effect, Layer, Metric } from "effect"
import { Purge, type PurgedTable } from "./Purge.ts"
import { supervised } from "./Supervisor.ts"

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
