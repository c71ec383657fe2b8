import { DateTime, type Duration, Effect, Exit, Result, type Semaphore } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Consumer } from "../Consumer.ts"
import type { StoredMessage } from "../InboxStore.ts"
import { type Errand, ReplayStore, type WaitingMessage } from "../ReplayStore.ts"
import { type DatabaseUnavailable, Transactions } from "../Transactions.ts"
import { type Entry, toEntry } from "./Entry.ts"
import { classify } from "./Failure.ts"
import { handleAll, type HandlerFailed, pauseAfter, TRIES } from "./Handling.ts"
import type { InboxMetrics } from "./InboxMetrics.ts"

/** The most waiting messages in one transaction; live ones of the key wait that long. */
const CHUNK = 100

export interface ReplayOptions<M, R> {
  readonly consumer: Consumer<M, R>
  readonly metrics: InboxMetrics
  readonly permits: Semaphore.Semaphore
  readonly timeout: Duration.Input
}

/** What one transaction of an errand came to. */
type Step =
  | { readonly _tag: "Done" }
  | { readonly _tag: "GoOn" }
  /** The first of what was to be handled cannot even be read. */
  | { readonly _tag: "Unreadable"; readonly reason: string }

/** What the transaction at hand tries to handle: the letter itself, or the first messages that wait behind it. */
type Tried =
  | { readonly _tag: "Letter"; readonly messages: readonly [StoredMessage] }
  | { readonly _tag: "Waiting"; readonly messages: ReadonlyArray<WaitingMessage> }

/**
 * Does what an operator asked for, a transaction at a time, each under the lock of the key's gate: live messages of the
 * key wait for it or line up behind it, and never overtake. First the letter, then what waits behind it in order; the
 * gate goes in the transaction that finds nothing left. Gives the reason when it has to be tried again later.
 */
export const replayer = <M, R>({ consumer, metrics, permits, timeout }: ReplayOptions<M, R>) =>
  Effect.gen(function*() {
    const store = yield* ReplayStore
    const transactions = yield* Transactions
    const random = yield* SecureRandom.SecureRandom
    const transaction = <A, E>(effect: Effect.Effect<A, E, R>) =>
      transactions.run(effect).pipe(Effect.timeout(timeout), permits.withPermits(1))

    const lock = Effect.fnUntraced(function*({ key, letterId }: Errand) {
      const gate = key === null ? undefined : yield* store.lockGate(consumer.name, key)
      const letter = yield* store.lockLetter(letterId)
      // The key, when the gate is closed by this very letter.
      return { letter, gated: gate?.letterId === letterId ? key : null, draining: gate?.draining === true }
    })

    const step = (
      errand: Errand,
      limit: number,
      onTry: (tried: Tried) => void
    ): Effect.Effect<Step, DatabaseUnavailable | HandlerFailed, R> =>
      Effect.gen(function*() {
        const { draining, gated, letter } = yield* lock(errand)
        if (letter?.state === "replay requested" || letter?.state === "discard requested") {
          const replay = letter.state === "replay requested"
          if (replay) {
            onTry({ _tag: "Letter", messages: [letter] })
            const entries = read(consumer, [letter])
            const unreadable = entries.map(reasonOf).find((reason) => reason !== undefined)
            if (unreadable !== undefined) return { _tag: "Unreadable", reason: unreadable }
            yield* handleAll(consumer, entries)
          }
          yield* store.settle(errand.letterId, replay ? "replayed" : "discarded")
          if (gated === null) return { _tag: "Done" }
          yield* store.drain(consumer.name, gated)
          return { _tag: "GoOn" }
        }
        if (gated === null || !draining) return { _tag: "Done" }
        const chunk = yield* store.waiting(consumer.name, gated, limit)
        const entries = chunk.map((message) => read(consumer, [message]))
        const unreadableAt = entries.findIndex((entry) => entry.some((one) => reasonOf(one) !== undefined))
        const messages = unreadableAt < 0 ? chunk : chunk.slice(0, unreadableAt)
        onTry({ _tag: "Waiting", messages: unreadableAt === 0 ? chunk.slice(0, 1) : messages })
        if (unreadableAt === 0) {
          return { _tag: "Unreadable", reason: entries[0]?.map(reasonOf)[0] ?? "it cannot be read" }
        }
        yield* handleAll(consumer, entries.slice(0, messages.length).flat())
        yield* store.release(consumer.name, gated, messages.map(({ sequence }) => sequence))
        if (messages.length === limit || unreadableAt > 0) return { _tag: "GoOn" }
        yield* store.openGate(consumer.name, gated)
        return { _tag: "Done" }
      })

    /** The replay failed: the letter says why, everything else stays as it is. */
    const reopen = Effect.fnUntraced(function*(errand: Errand, reason: string, attempts: number) {
      const { letter } = yield* lock(errand)
      if (letter?.state !== "replay requested") return
      yield* store.reopen(errand.letterId, { reason, attempts, at: yield* DateTime.now })
    })

    /** The first waiting message is poison itself: it becomes the letter that holds the gate. */
    const replaceLetter = Effect.fnUntraced(
      function*(
        errand: Errand,
        message: WaitingMessage,
        verdict: { reason: string; attempts: number },
        since: DateTime.Utc
      ) {
        const { draining, gated } = yield* lock(errand)
        if (gated === null || !draining) return
        const [first] = yield* store.waiting(consumer.name, gated, 1)
        if (first?.sequence !== message.sequence) return
        const id = yield* random.uuidV7()
        const lastFailedAt = yield* DateTime.now
        yield* store.replaceLetter(consumer.name, gated, {
          ...verdict,
          id,
          messageId: message.messageId,
          message: message.message,
          firstFailedAt: since,
          lastFailedAt
        })
        yield* store.release(consumer.name, gated, [message.sequence])
        yield* metrics.deadLetters(1)
      }
    )

    const giveUp = (errand: Errand, tried: Tried, reason: string, attempts: number, since: DateTime.Utc) => {
      const [message] = tried.messages
      return Effect.logError(`a message cannot be handled at its replay: ${reason}`).pipe(
        Effect.annotateLogs({ messageId: message?.messageId ?? "", orderId: errand.key ?? "" }),
        Effect.andThen(transaction(
          tried._tag === "Letter" || tried.messages[0] === undefined
            ? reopen(errand, reason, attempts)
            : replaceLetter(errand, tried.messages[0], { reason, attempts }, since)
        ))
      )
    }

    const act = (errand: Errand): Effect.Effect<string | undefined, never, R> =>
      Effect.gen(function*() {
        let limit = CHUNK
        let failures = 0
        let since: DateTime.Utc | undefined
        while (true) {
          let tried: Tried | undefined
          const exit = yield* transaction(step(errand, limit, (now) => (tried = now))).pipe(Effect.exit)
          const first = tried?.messages[0]
          since ??= yield* DateTime.now
          if (Exit.isSuccess(exit)) {
            if (exit.value._tag === "Unreadable") {
              if (tried !== undefined) yield* giveUp(errand, tried, exit.value.reason, 1, since)
              return undefined
            }
            yield* metrics.handled(tried?.messages.length ?? 0)
            if (exit.value._tag === "Done") return undefined
            failures = 0
            since = undefined
            limit = Math.min(CHUNK, limit * 2)
            continue
          }
          // Without anything tried it is not the messages' doing.
          if (tried === undefined || first === undefined) return classify(exit.cause).reason
          const failure = classify(exit.cause)
          if (failure._tag === "Transient") return failure.reason
          const named = failure._tag === "Named"
            ? tried.messages.findIndex(({ messageId }) => failure.reasons.has(messageId))
            : -1
          if (named > 0) limit = named
          else if (named < 0 && tried.messages.length > 1) limit = Math.floor(tried.messages.length / 2)
          else if (named < 0 && ++failures < TRIES) yield* pauseAfter(failures)
          else {
            const reason = failure._tag === "Named" ? failure.reasons.get(first.messageId) : undefined
            yield* giveUp(errand, tried, reason ?? failure.reason, Math.max(failures, 1), since)
            return undefined
          }
        }
      }).pipe(Effect.catchCause((cause) => Effect.succeed(classify(cause).reason)))

    return { errands: store.errands(consumer.name), act, count: store.count(consumer.name) }
  })

/** Reads stored messages under the identity that they were stored with. */
export const read = <M>(
  consumer: Pick<Consumer<M>, "decode">,
  messages: ReadonlyArray<StoredMessage>
): ReadonlyArray<Entry<M>> =>
  messages.flatMap(({ message, messageId }) => {
    const entry = toEntry(consumer, message)
    if (entry === undefined) return []
    const content = Result.map(entry.content, (received) => ({ ...received, id: messageId }))
    return [{ ...entry, messageId, content }]
  })

const reasonOf = <M>({ content }: Entry<M>): string | undefined =>
  Result.isFailure(content) ? content.failure : undefined
