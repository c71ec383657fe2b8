import { Cause, Clock, Context, Deferred, Duration, Effect, Exit, Layer, Metric, Random, Schema } from "effect"

/** A worker crashed again and again by defects: its process must end, so that something larger can start it anew. */
export class WorkerGaveUp extends Schema.TaggedError<WorkerGaveUp>()("WorkerGaveUp", {
  worker: Schema.String,
  /** Crashes in a row, none of them after a healthy minute. */
  crashes: Schema.Finite,
  cause: Schema.Defect()
}) {}

/** How a supervisor that gives up ends the process; `launch` sets it. Undefined: nobody listens, so none gives up. */
const Escalation = Context.Reference<((failure: WorkerGaveUp) => Effect.Effect<void>) | undefined>(
  "@g-store/messaging/Supervisor/Escalation",
  { defaultValue: () => undefined }
)

const crashes = Metric.counter("worker_crashes_total", {
  description: "Workers that ended, failed or died and were started again",
  incremental: true
})

const FIRST_DELAY = 200
const LONGEST_DELAY = 30_000
/** A worker that ran this long had recovered: its next crash is a first one again. */
const HEALTHY = 60_000

/**
 * Exponential, with "equal" jitter: half of it is always waited. Whole milliseconds, as the clock counts them: else a
 * worker that ran for its healthy minute looks a hair too young.
 */
const backoff = (nth: number): Effect.Effect<Duration.Duration> =>
  Effect.map(
    Random.next,
    (random) =>
      Duration.millis(
        Math.round(Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(nth - 1, 20)) * (0.5 + random / 2))
      )
  )

const about = (name: string) => Effect.annotateLogs({ module: "messaging.supervisor", worker: name })

const watched = <A, E, R>(name: string, defectsAllowed: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    let inARow = 0
    let defects = 0
    while (true) {
      const started = yield* Clock.currentTimeMillis
      const exit = yield* Effect.exit(effect)
      const cause = Exit.isFailure(exit) ? exit.cause : Cause.die(new Error("it ended, which a worker must not"))
      if ((yield* Clock.currentTimeMillis) - started >= HEALTHY) {
        inARow = 0
        defects = 0
      }
      inARow++
      if (Cause.hasDies(cause)) defects++
      yield* Metric.update(Metric.withAttributes(crashes, { worker: name }), 1)
      const escalate = yield* Escalation
      if (defects > defectsAllowed && escalate !== undefined) {
        yield* Effect.logFatal(`${name} crashed ${inARow} times in a row and gives up: the process ends`, cause).pipe(
          about(name)
        )
        yield* escalate(new WorkerGaveUp({ worker: name, crashes: inARow, cause: Cause.squash(cause) }))
        return yield* Effect.never
      }
      const delay = yield* backoff(inARow)
      yield* Effect.logError(`${name} crashed; it starts again in ${Duration.toMillis(delay)} ms`, cause)
        .pipe(about(name))
      yield* Effect.sleep(delay)
    }
  })

/**
 * Keeps a worker running for ever: when it fails, dies or ends it is logged, counted and started again, after a delay
 * that doubles from 0.2 s to 30 s, with jitter, and falls back once the worker has run for a minute. Interruption ends it.
 */
export const supervised = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<never, never, R> =>
  watched(name, Infinity, effect)

/**
 * Like `supervised`, but gives up after ten crashes by defects in a row: a bug that a restart of the worker does not mend
 * may be mended by a restart of the process. Failures that are expected (the broker is away) never count.
 */
export const terminal = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<never, never, R> =>
  watched(name, 10, effect)

/**
 * Builds the layer and keeps it until interrupted, like `Layer.launch`, but fails (and so closes everything) when one of
 * its supervisors gives up. For main.
 */
export const launch = <A, E, R>(layer: Layer.Layer<A, E, R>): Effect.Effect<never, E | WorkerGaveUp, R> =>
  Effect.flatMap(Deferred.make<never, WorkerGaveUp>(), (ended) =>
    Effect.raceFirst(
      Layer.launch(layer).pipe(
        Effect.provideService(Escalation, (failure) => Effect.asVoid(Deferred.fail(ended, failure)))
      ),
      Deferred.await(ended)
    ))
