import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { Deferred, Effect, Fiber, Layer, References, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { PaymentStorePostgres } from "../src/PaymentStorePostgres.ts"

/** The store on a database of its own. */
export const PaymentStoreTest = PaymentStorePostgres.pipe(
  Layer.provideMerge(TestDatabase),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn"))
)

/** Returns once as many backends of this database wait for a lock. */
export const lockWaiters = Effect.fn(function*(count: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.pipe(
    Effect.repeat({ until: (waiting) => waiting.length >= count, schedule: Schedule.spaced("5 millis") })
  )
})

/**
 * Runs `first` in a transaction that stays open until `second`, begun behind it, waits for a lock; then lets it commit
 * and gives what became of `second`.
 */
export const overtaken = <A, E, R, A2, E2, R2>(first: Effect.Effect<A, E, R>, second: Effect.Effect<A2, E2, R2>) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const done = yield* Deferred.make<void>()
    const release = yield* Deferred.make<void>()
    const holder = yield* Effect.forkChild(sql.withTransaction(
      first.pipe(Effect.andThen(Deferred.succeed(done, undefined)), Effect.andThen(Deferred.await(release)))
    ))
    yield* Effect.raceFirst(Deferred.await(done), Fiber.join(holder))
    const late = yield* Effect.forkChild(Effect.result(second))
    // Should it not wait but come to an end, then that end is what the test looks at.
    yield* Effect.raceFirst(lockWaiters(1), Fiber.await(late))
    yield* Deferred.succeed(release, undefined)
    yield* Fiber.join(holder)
    return yield* Fiber.join(late)
  })
