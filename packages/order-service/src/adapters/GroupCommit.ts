import { Cause, Deferred, Effect, Exit, Metric, Queue, type Scope } from "effect"
import { Overloaded } from "../application/OrderRepository.ts"

export interface GroupCommitOptions<A, B, E> {
  /** Batches on their way at once. Two keep the database busy while the answers of one are given out. */
  readonly lanes: number
  readonly maxBatch: number
  /** Requests that may wait for a lane; the next one is refused at once, before anything is done for it. */
  readonly maxWaiting: number
  /** Commits a batch and says what became of each of its requests, in their order. */
  readonly commit: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<Exit.Exit<B, E>>>
}

interface Waiting<A, B, E> {
  readonly request: A
  readonly outcome: Deferred.Deferred<B, E>
  /** The one who asked has gone before a lane took it up: it need not be done any more. */
  abandoned: boolean
}

const batchSize = Metric.histogram("group_commit_batch_size", {
  description: "Requests that shared one commit",
  boundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256]
})
const refused = Metric.counter("group_commit_refused_total", {
  description: "Requests refused because too many were waiting",
  incremental: true
})

/**
 * Commits requests in groups: one that finds a lane free goes at once, those that arrive while all lanes are busy share
 * the next. No timer, so nobody waits for company. Requests share a commit but no fate: each has an outcome of its own,
 * and the interruption of one does not touch the others.
 */
export const groupCommit = <A, B, E>(
  { commit, lanes, maxBatch, maxWaiting }: GroupCommitOptions<A, B, E>
): Effect.Effect<(request: A) => Effect.Effect<B, E | Overloaded>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue = yield* Queue.dropping<Waiting<A, B, E>>(maxWaiting)

    const serve = (taken: ReadonlyArray<Waiting<A, B, E>>) => {
      const batch = taken.filter(({ abandoned }) => !abandoned)
      return Metric.update(batchSize, batch.length).pipe(
        Effect.andThen(Effect.suspend(() => commit(batch.map(({ request }) => request)))),
        // Whatever happens to the lane, nobody is left without an outcome.
        Effect.onExit((exit) =>
          Effect.forEach(batch, ({ outcome }, i) =>
            Deferred.done(
              outcome,
              Exit.isSuccess(exit) ? exit.value[i] ?? noOutcome : Exit.failCause(exit.cause)
            ), { discard: true })
        ),
        Effect.exit
      )
    }

    yield* Effect.addFinalizer(() =>
      Effect.flatMap(Queue.clear(queue), (left) =>
        Effect.forEach(left, ({ outcome }) => Deferred.interrupt(outcome), { discard: true }))
    )
    const lane = Effect.forever(Effect.flatMap(Queue.takeBetween(queue, 1, maxBatch), serve))
    for (let i = 0; i < lanes; i++) {
      yield* Effect.forkScoped(lane)
    }

    return (request) =>
      Effect.gen(function*() {
        const waiting: Waiting<A, B, E> = { request, outcome: yield* Deferred.make<B, E>(), abandoned: false }
        if (!Queue.offerUnsafe(queue, waiting)) {
          yield* Metric.update(refused, 1)
          return yield* new Overloaded({ waiting: maxWaiting })
        }
        return yield* Deferred.await(waiting.outcome).pipe(
          Effect.onInterrupt(() =>
            Effect.sync(() => {
              waiting.abandoned = true
            })
          )
        )
      })
  })

const noOutcome = Exit.failCause(Cause.die(new Error("a group commit said nothing about one of its requests")))
