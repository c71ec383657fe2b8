import {
  type Cause,
  Clock,
  DateTime,
  type Duration,
  Effect,
  Exit,
  Result,
  Schedule,
  Schema,
  type Semaphore
} from "effect"
import { SecureRandom } from "effect/crypto"
import type { Consumer } from "../Consumer.ts"
import { InboxStore, type NewDeadLetter } from "../InboxStore.ts"
import { Transactions } from "../Transactions.ts"
import { type Entry, type Plan, plan, split, type Verdict } from "./Entry.ts"
import { classify } from "./Failure.ts"
import { handleAll, pauseAfter, TRIES } from "./Handling.ts"
import type { InboxMetrics } from "./InboxMetrics.ts"
import { makeLanes } from "./Lanes.ts"

/** Another transaction closed a gate between this one's look and its letter. It begins again, and sees it. */
class GateMoved extends Schema.TaggedError<GateMoved>()("GateMoved", {}) {}

/** What became of the messages of one transaction. */
export interface Settled<M> extends Plan<M> {
  readonly duplicates: number
  /** Why a message was set aside. */
  readonly reasonOf: (entry: Entry<M>) => string
}

/** Called after each failure that is no fault of the messages; returns when it is time to try again. */
export type Setback = (reason: string, cause: Cause.Cause<unknown>) => Effect.Effect<void>

export interface SettlementOptions<M, R> {
  readonly consumer: Consumer<M, R>
  readonly metrics: InboxMetrics
  /** Bounds the transactions of this consumer that run at once. */
  readonly permits: Semaphore.Semaphore
  /** The most messages of several batches in one transaction. */
  readonly maxBatch: number
  /** The longest that a transaction may take before it is rolled back and tried again. */
  readonly timeout: Duration.Input
  /** Called after each commit. */
  readonly committed: (settled: Settled<M>) => Effect.Effect<void, never, R>
}

/**
 * Brings a batch to its end: every message of it is handled, known, parked or set aside when the effect returns, however
 * long the world stands in the way. It never fails.
 */
export const settlement = <M, R>(options: SettlementOptions<M, R>) =>
  Effect.gen(function*() {
    const { committed, consumer, maxBatch, metrics, permits, timeout } = options
    const store = yield* InboxStore
    const transactions = yield* Transactions
    const random = yield* SecureRandom.SecureRandom

    const reasonIn = (verdicts: ReadonlyMap<string, Verdict>) => ({ content, messageId }: Entry<M>): string =>
      verdicts.get(messageId)?.reason ?? (Result.isFailure(content) ? content.failure : "no reason given")

    const letters = (entries: ReadonlyArray<Entry<M>>, verdicts: ReadonlyMap<string, Verdict>, now: DateTime.Utc) =>
      Effect.forEach(entries, (entry) =>
        Effect.map(random.uuidV7(), (id): NewDeadLetter => ({
          id,
          messageId: entry.messageId,
          message: entry.message,
          reason: reasonIn(verdicts)(entry),
          attempts: verdicts.get(entry.messageId)?.attempts ?? 1,
          firstFailedAt: verdicts.get(entry.messageId)?.firstFailedAt ?? now,
          lastFailedAt: now
        })))

    /** One transaction over the entries. `onPlan` learns what it tried to handle, also when it fails. */
    const attempt = (
      entries: ReadonlyArray<Entry<M>>,
      verdicts: ReadonlyMap<string, Verdict>,
      onPlan: (planned: Plan<M>) => void
    ) =>
      transactions.run(Effect.gen(function*() {
        const taken = yield* store.take(consumer.name, entries.map(({ messageId }) => messageId), keysOf(entries))
        const fresh = entries.filter((entry) => taken.fresh.has(entry.messageId))
        const keys = taken.open ? [] : keysOf(fresh)
        const gates = keys.length === 0 ? new Set<string>() : yield* store.gates(consumer.name, keys)
        const planned = plan(
          fresh,
          gates,
          (entry) => Result.isFailure(entry.content) || verdicts.has(entry.messageId)
        )
        onPlan(planned)
        if (planned.setAside.length > 0) {
          const written = yield* letters(planned.setAside, verdicts, yield* DateTime.now)
          if (!(yield* store.setAside(consumer.name, written))) return yield* new GateMoved()
        }
        if (planned.park.length > 0) yield* store.park(consumer.name, planned.park)
        yield* handleAll(consumer, planned.handle)
        return { ...planned, duplicates: entries.length - fresh.length, reasonOf: reasonIn(verdicts) }
      })).pipe(
        Effect.timeout(timeout),
        Effect.retry({ while: (error) => error instanceof GateMoved, schedule: Schedule.spaced("10 millis") })
      )

    const lanes = makeLanes({
      permits,
      most: maxBatch,
      together: (entries: ReadonlyArray<Entry<M>>) =>
        attempt(entries, new Map(), () => {}).pipe(
          (self) => timed(self, metrics),
          Effect.tapCause((cause) =>
            Effect.logDebug("a transaction of several partitions failed; each goes on alone", cause)
          ),
          Effect.flatMap(committed)
        )
    })

    const settle = (
      entries: ReadonlyArray<Entry<M>>,
      verdicts: Map<string, Verdict>,
      setback: Setback,
      isSuspect = false
    ): Effect.Effect<void, never, R> =>
      Effect.gen(function*() {
        let tries = 0
        let alone = isSuspect
        let firstFailedAt: DateTime.Utc | undefined
        while (true) {
          let tried: ReadonlyArray<Entry<M>> = []
          const transaction = Effect.suspend(() => attempt(entries, verdicts, (planned) => (tried = planned.handle)))
            .pipe(
              (self) => timed(self, metrics),
              Effect.exit
            )
          const exit = yield* alone ? lanes.alone(transaction) : lanes.shared(entries, transaction)
          if (exit === undefined) return
          if (Exit.isSuccess(exit)) return yield* committed(exit.value)
          // Whatever is the matter with these messages, no other partition is to suffer from it.
          alone = true
          const failure = classify(exit.cause)
          const named = failure._tag === "Named" ? tried.filter((entry) => failure.reasons.has(entry.messageId)) : []
          if (failure._tag === "Transient") {
            yield* metrics.retry("transient")
            yield* setback(failure.reason, exit.cause)
            continue
          }
          if (failure._tag === "Named" && named.length > 0) {
            yield* metrics.retry("named")
            const now = yield* DateTime.now
            for (const { messageId } of named) {
              const reason = failure.reasons.get(messageId) ?? failure.reason
              verdicts.set(messageId, { reason, attempts: 1, firstFailedAt: now })
            }
            continue
          }
          // A defect or a violated constraint (or poison that names none of them): which message it was has to be found.
          yield* metrics.retry("permanent")
          if (tried.length > 1 || (tried.length === 0 && entries.length > 1)) {
            yield* Effect.logWarning("a batch cannot be handled; it is halved to find the message", exit.cause)
            const [first, second] = split(entries, new Set(tried.map((entry) => entry.messageId)))
            yield* settle(first, verdicts, setback, true)
            return yield* settle(second, verdicts, setback, true)
          }
          const [culprit] = tried
          if (culprit === undefined) {
            // Not the handler's doing: the inbox itself was refused. Nothing may be lost over that.
            yield* setback(failure.reason, exit.cause)
            continue
          }
          tries++
          firstFailedAt ??= yield* DateTime.now
          if (tries < TRIES) {
            yield* pauseAfter(tries)
            continue
          }
          verdicts.set(culprit.messageId, { reason: failure.reason, attempts: tries, firstFailedAt })
          yield* Effect.logError("a message cannot be handled", exit.cause).pipe(
            Effect.annotateLogs({ messageId: culprit.messageId })
          )
        }
      })

    return (entries: ReadonlyArray<Entry<M>>, setback: Setback) => settle(entries, new Map(), setback)
  })

const keysOf = <M>(entries: ReadonlyArray<Entry<M>>): ReadonlyArray<string> => [
  ...new Set(entries.flatMap(({ key }) => key === null ? [] : [key]))
]

const timed = <A, E, R>(self: Effect.Effect<A, E, R>, metrics: InboxMetrics) =>
  Effect.flatMap(Clock.currentTimeMillis, (start) =>
    Effect.ensuring(
      self,
      Effect.flatMap(Clock.currentTimeMillis, (end) => metrics.latency((end - start) / 1000))
    ))
