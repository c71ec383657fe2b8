import { supervised } from "@g-store/messaging/Supervisor.ts"
import { database } from "@g-store/service-kit/Database.ts"
import { awaitSchema } from "@g-store/service-kit/Migrations.ts"
import { retentionFeed } from "@g-store/service-kit/ServiceConfig.ts"
import { Duration, Effect, Layer, Schedule } from "effect"
import { connectedTo } from "../ConnectedTo.ts"
import type { Urls } from "../Databases.ts"
import { schemas } from "../Schemas.ts"
import { databaseNames } from "../StoreConfig.ts"
import { alert } from "./alerts.ts"
import type { Verdict } from "./Docket.ts"
import { makeStandingAudit } from "./StandingAudit.ts"

/** How often the audit looks: what was written is checked within twice as long. */
const PERIOD = Duration.seconds(5)
/** Small batches: reading one holds the event loop for milliseconds. */
const BATCH = 500
const SWEEP_LEAST = 1_000
const SETTLE = Duration.seconds(30)

/** One connection to each database, kept for as long as the scope lives. A database that is away is waited for. */
const connected = (urls: Urls) =>
  connectedTo((name) =>
    Layer.build(Layer.fresh(database({ url: urls[name], applicationName: "audit", maxConnections: 1 })))
  )

export interface AuditorOptions {
  /** How long work in flight may take before it counts. 30 seconds if absent. */
  readonly settle?: Duration.Duration
  /** Is told what keeps the audit from looking; undefined after each look that was taken. */
  readonly told?: (problem: string | undefined) => Effect.Effect<void>
}

/**
 * Audits a running store for as long as the layer lives. It never stands in the way: it starts beside everything else,
 * and what it finds is told by log and metrics and is nothing to health.
 */
export const Auditor = (urls: Urls, { settle, told }: AuditorOptions = {}) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const options = {
      feedRetention: yield* retentionFeed,
      settle: settle ?? SETTLE,
      batch: BATCH,
      sweepLeast: SWEEP_LEAST
    }
    const tell = told ?? (() => Effect.void)

    const audits = Effect.gen(function*() {
      yield* Effect.sleep(PERIOD)
      const inside = yield* connected(urls)
      yield* tell("it waits until `gstore migrate` has brought every database to its schema")
      // In turn: whoever is told of one migrates all.
      for (const name of databaseNames) {
        yield* inside(name, awaitSchema(schemas[name])).pipe(Effect.annotateLogs({ database: name }))
      }
      const { ages, look, sweep } = yield* makeStandingAudit(inside, options)
      const steadily = <E extends Error>(
        step: Effect.Effect<Verdict, E>,
        ended: (problem: string | undefined) => Effect.Effect<void>
      ) =>
        Effect.matchEffect(step, {
          onSuccess: (verdict) => Effect.andThen(alert(verdict), ended(undefined)),
          onFailure: (error) =>
            Effect.andThen(
              Effect.logWarning(`the audit could not look; it tries again in ${Duration.format(PERIOD)}`, error),
              ended(error.message)
            )
        }).pipe(Effect.repeat(Schedule.fixed(PERIOD)))
      // Beside each other: the sweep takes its time, what was written does not wait for it.
      yield* Effect.all([
        steadily(look, tell),
        steadily(sweep, () => Effect.void),
        Effect.repeat(ages, Schedule.spaced("1 second"))
      ], { concurrency: "unbounded", discard: true })
    })
    yield* supervised("audit", Effect.scoped(audits)).pipe(
      Effect.annotateLogs({ module: "audit" }),
      Effect.forkScoped
    )
  }))
