import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, Metric, Queue, References, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Batch, BusUnavailable, EventBus } from "../src/EventBus.ts"
import { consume } from "../src/Inbox.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { CurrentTraceparent } from "../src/TraceContext.ts"
import { batchOf, count, Counter, counting, type CountingOptions, counts } from "./fixtures/Counting.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

/** A bus whose batches, and whose end, the test decides. */
const makeBus = Effect.gen(function*() {
  const subscriptions = yield* Queue.unbounded<Queue.Queue<Batch, BusUnavailable>>()
  const Bus = Layer.succeed(
    EventBus,
    EventBus.of({
      publish: () => Effect.die("nobody publishes here"),
      subscribe: ({ onAssigned = Effect.void }) =>
        Stream.unwrap(Effect.gen(function*() {
          const batches = yield* Queue.unbounded<Batch, BusUnavailable>()
          yield* Queue.offer(subscriptions, batches)
          yield* onAssigned
          return Stream.fromQueue(batches)
        }))
    })
  )
  return { Bus, next: Queue.take(subscriptions) }
})

/** A consumer on such a bus, and batches that tell of their acknowledgement. */
const setUp = (options: CountingOptions) =>
  Effect.gen(function*() {
    const { Bus, next } = yield* makeBus
    yield* Layer.build(consume(counting(options)).pipe(Layer.provide(Bus)))
    const hand = Effect.fnUntraced(function*(
      subscription: Queue.Queue<Batch, BusUnavailable>,
      messages: Parameters<typeof batchOf>[0]
    ) {
      const acknowledged = yield* Deferred.make<void>()
      yield* Queue.offer(subscription, batchOf(messages, Effect.asVoid(Deferred.succeed(acknowledged, undefined))))
      return Deferred.await(acknowledged)
    })
    return { next, hand }
  })

const applied = (key: string) => Effect.flatMap(Counter, (counter) => counter.applied(key))

const behaves = (
  name: string,
  test: () => Effect.Effect<void, unknown, Counter | MessagingHealth | Layer.Success<typeof StoresMemory> | Scope.Scope>
) =>
  it.effect(name, () =>
    Effect.suspend(test).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(StoresMemory, MessagingHealth.layer)),
      Effect.provideService(References.MinimumLogLevel, "None")
    ))

describe("A consumer's subscription", () => {
  behaves(
    "is made anew when the bus ends it, even while a batch is stuck",
    Effect.fnUntraced(function*() {
      let stuck = true
      const there = yield* Deferred.make<void>()
      const { hand, next } = yield* setUp({
        before: () => stuck ? Effect.andThen(Deferred.succeed(there, undefined), Effect.fail("away")) : Effect.void
      })
      const first = yield* next
      yield* Effect.asVoid(hand(first, counts("a", 1, 3)))
      yield* Deferred.await(there)
      yield* Queue.fail(first, new BusUnavailable({ operation: "consume", cause: new Error("crash") }))
      stuck = false
      yield* TestClock.adjust("1 second")
      const second = yield* next
      yield* yield* hand(second, counts("a", 1, 4))
      assert.deepStrictEqual(yield* applied("a"), [1, 2, 3, 4])
      assert.deepStrictEqual(yield* (yield* MessagingHealth).reasons, [])
    })
  )

  behaves(
    "leaves a batch whose partition was handed out anew",
    Effect.fnUntraced(function*() {
      const there = yield* Deferred.make<void>()
      const { hand, next } = yield* setUp({
        before: (messages) =>
          messages.length > 1
            ? Effect.void
            : Effect.andThen(Deferred.succeed(there, undefined), Effect.fail("away"))
      })
      const subscription = yield* next
      const old = yield* hand(subscription, [count("a", 1)])
      const acknowledged = yield* Effect.forkChild(old)
      yield* Deferred.await(there)
      yield* yield* hand(subscription, counts("a", 1, 2))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(acknowledged.pollUnsafe())
      assert.deepStrictEqual(yield* applied("a"), [1, 2])
    })
  )

  behaves(
    "tells when it has joined, and is awaited from the start",
    Effect.fnUntraced(function*() {
      const health = yield* MessagingHealth
      const { Bus, next } = yield* makeBus
      assert.isTrue(yield* health.allJoined)
      const held = Layer.effect(
        EventBus,
        Effect.map(EventBus, (bus) => EventBus.of({ ...bus, subscribe: () => Stream.never }))
      ).pipe(Layer.provide(Bus))
      yield* Layer.build(consume(counting({ name: "never" })).pipe(Layer.provide(held)))
      assert.isFalse(yield* health.allJoined)
      yield* Layer.build(consume(counting({ name: "never" })).pipe(Layer.provide(Bus)))
      yield* next
      yield* Effect.yieldNow
      assert.isTrue(yield* health.allJoined)
    })
  )

  behaves(
    "counts what it does",
    Effect.fnUntraced(function*() {
      const { hand, next } = yield* setUp({ name: "metrics" })
      const subscription = yield* next
      const other = { ...count("a", 9), headers: { message_id: "o", event_type: "Other" } }
      const broken = { ...count("b", 1), payload: new TextEncoder().encode("x") }
      yield* yield* hand(subscription, [count("a", 1), count("a", 1), other, broken, count("b", 2)])
      yield* yield* hand(subscription, [count("a", 1), count("a", 2)])
      const counted = (yield* Metric.snapshot).flatMap((metric) =>
        metric.type === "Counter" && metric.attributes?.["consumer"] === "metrics"
          ? [`${metric.id} ${metric.state.count}`]
          : []
      )
      assert.sameMembers(counted, [
        "inbox_messages_handled_total 2",
        "inbox_duplicates_absorbed_total 2",
        "inbox_messages_skipped_total 1",
        "inbox_messages_parked_total 1",
        "inbox_dead_letters_total 1"
      ])
    })
  )

  behaves(
    "names the message, its key and its trace in debug logs, and hands on the trace of a message that comes alone",
    Effect.fnUntraced(function*() {
      const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
      const traced = { ...count("a", 1), headers: { ...count("a", 1).headers, traceparent } }
      const lines: Array<Readonly<Record<string, unknown>>> = []
      const current: Array<string | undefined> = []
      const logger = Logger.make(({ fiber, message }) => {
        if (String(message) === "handled") lines.push(fiber.getRef(References.CurrentLogAnnotations))
      })
      yield* Effect.gen(function*() {
        const { hand, next } = yield* setUp({
          before: () => Effect.map(CurrentTraceparent, (found) => void current.push(found))
        })
        const subscription = yield* next
        yield* yield* hand(subscription, [traced])
        yield* yield* hand(subscription, counts("a", 2, 3))
      }).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.deepStrictEqual(lines[0], {
        module: "messaging.inbox",
        consumer: "counting",
        messageId: "a-1",
        orderId: "a",
        traceId: "a".repeat(32)
      })
      assert.strictEqual(lines.length, 3)
      assert.deepStrictEqual(current, [traceparent, undefined])
    })
  )
})
