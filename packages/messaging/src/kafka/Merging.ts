import { Effect, Exit, Latch, type Scope } from "effect"
import { BusUnavailable } from "../EventBus.ts"
import type { WireMessage } from "../Message.ts"

/** What several callers' messages may come to in one request: brokers refuse a partition's batch of more than 1 MB. */
const MOST_BYTES = 512 * 1024

interface Caller {
  readonly messages: ReadonlyArray<WireMessage>
  readonly bytes: number
  /** Not with others: a request that it was part of has failed, and whose fault that was is to be seen. */
  alone: boolean
  readonly end: (exit: Exit.Exit<void, BusUnavailable>) => void
}

export interface MergingOptions {
  /** What may take long before anything can be sent. A request's messages are chosen only after it. */
  readonly ready: Effect.Effect<void, BusUnavailable>
  /** Sends one request. Has to end within a bounded time, since others wait for it. */
  readonly send: (messages: ReadonlyArray<WireMessage>) => Effect.Effect<void, BusUnavailable>
}

/** Done when the messages are sent; with `alone`, in a request of their own. */
export type MergedPublish = (
  messages: ReadonlyArray<WireMessage>,
  alone: boolean
) => Effect.Effect<void, BusUnavailable>

/** About what it takes in a batch of Kafka's. */
const sizeOf = ({ headers, key, payload }: WireMessage): number => {
  let bytes = 100 + payload.length + (key?.length ?? 0)
  for (const [name, value] of Object.entries(headers)) bytes += name.length + value.length
  return bytes
}

const closed = Exit.fail(new BusUnavailable({ operation: "publish", cause: new Error("the bus is closed") }))

/**
 * One request at a time: who comes while it is under way waits, and all who wait go together in the next. So under load
 * requests become larger instead of more, and without it nobody waits. The messages of a caller that is interrupted
 * before they went are never sent.
 *
 * When a request of several callers fails, each of them goes again by itself, before anybody else: what the brokers
 * refuse fails the one whose it is, and no other. Of what that doubles every first copy is in order, as long as nobody
 * publishes one key twice at a time.
 */
export const makeMerging = ({ ready, send }: MergingOptions): Effect.Effect<MergedPublish, never, Scope.Scope> =>
  Effect.gen(function*() {
    /** Who has not been told the end, and not been interrupted. */
    const present = new Set<Caller>()
    let queue: ReadonlyArray<Caller> = []
    let isClosed = false
    const some = Latch.makeUnsafe(false)

    const end = (callers: Iterable<Caller>, exit: Exit.Exit<void, BusUnavailable>) => {
      for (const caller of callers) if (present.delete(caller)) caller.end(exit)
    }

    const take = (): ReadonlyArray<Caller> => {
      let bytes = 0
      const over = queue.findIndex((caller, nth) => {
        bytes += caller.bytes
        return nth > 0 && (caller.alone || queue[0]?.alone === true || bytes > MOST_BYTES)
      })
      const taken = queue.slice(0, over < 0 ? queue.length : over)
      queue = queue.slice(taken.length)
      return taken
    }

    const request = Effect.gen(function*() {
      yield* some.await
      // Whoever publishes in the same turn comes along.
      yield* Effect.yieldNow
      const readiness = yield* Effect.exit(ready)
      if (Exit.isFailure(readiness)) {
        // Those who hear of it may publish again at once.
        const failed = queue
        queue = []
        end(failed, readiness)
      }
      const taken = take()
      if (taken.length > 0) {
        const exit = yield* Effect.exit(send(taken.flatMap(({ messages }) => messages)))
        if (Exit.isFailure(exit) && taken.length > 1) {
          for (const caller of taken) caller.alone = true
          queue = [...taken.filter((caller) => present.has(caller)), ...queue]
        } else end(taken, exit)
      }
      if (queue.length === 0) some.closeUnsafe()
    })

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        end(present, closed)
      })
    )
    yield* Effect.forkScoped(Effect.forever(request))

    return (messages, alone) =>
      Effect.callback((resume) => {
        if (isClosed) return resume(closed)
        const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0)
        const caller: Caller = { messages, bytes, alone, end: resume }
        present.add(caller)
        queue = [...queue, caller]
        some.openUnsafe()
        return Effect.sync(() => {
          present.delete(caller)
          queue = queue.filter((other) => other !== caller)
        })
      })
  })
