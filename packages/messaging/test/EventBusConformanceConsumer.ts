import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, References, Scope, Stream } from "effect"
import type { Consumer } from "../src/Consumer.ts"
import { DeadLetters } from "../src/DeadLetters.ts"
import { EventBus } from "../src/EventBus.ts"
import { consume } from "../src/Inbox.ts"
import type { IncomingMessage, WireMessage } from "../src/Message.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import type { OnBus } from "./EventBusConformance.ts"
import { acknowledging, assertGivenOnce, join, keys, nameOf, placeOf, publish } from "./fixtures/BusMember.ts"
import { count, Counter, counting, type CountingOptions } from "./fixtures/Counting.ts"
import { makeJournal } from "./fixtures/Journal.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

/** A consumer of the topic on the bus under test, and all that it has acknowledged. */
const makeConsumer = Effect.fnUntraced(function*(topic: string, group: string, options: CountingOptions) {
  const bus = yield* EventBus
  const acknowledged = makeJournal<IncomingMessage>()
  const noting = EventBus.of({
    ...bus,
    subscribe: (subscription) =>
      bus.subscribe({ ...subscription, maxBatch: 5 }).pipe(
        Stream.map((batch) => ({
          ...batch,
          // The next batch ends this one's fiber, which would come between.
          acknowledge: Effect.uninterruptible(
            Effect.tap(batch.acknowledge, () => Effect.sync(() => acknowledged.add(...batch.messages)))
          )
        }))
      )
  })
  const stores = yield* Layer.build(Layer.merge(StoresMemory, MessagingHealth.layer))
  const consumer: Consumer<number, Counter> = { ...counting({ ...options, name: group }), topics: [topic] }
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* Layer.build(consume(consumer)).pipe(
    Effect.provide(Context.add(stores, EventBus, noting)),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Scope.provide(scope)
  )
  return { acknowledged, counter: Context.get(stores, Counter), letters: Context.get(stores, DeadLetters), scope }
})

const counts = (topic: string, key: string, to: number): ReadonlyArray<WireMessage> =>
  Array.from({ length: to }, (_, n) => ({ ...count(key, n), topic }))

const names = (messages: ReadonlyArray<IncomingMessage>) => new Set(messages.map(nameOf))

/** The part of the suite about whole consumers, with an inbox: what the bus has to give them, and to take back. */
export const consumerConformance = (bus: OnBus): void => {
  it.live(
    "flows on behind a poison message, which waits in its place with those of its key",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const { acknowledged, counter, letters } = yield* makeConsumer(topic, group, {
        before: (messages) =>
          messages.some(({ key, value }) => key === "key-0" && value === 3) ? Effect.die("poison") : Effect.void
      })
      const all = keys.flatMap((key) => counts(topic, key, 8))
      yield* publish(all)
      yield* acknowledged.until((messages) => names(messages).size === all.length)
      for (const key of keys) {
        const expected = key === "key-0" ? [0, 1, 2] : [0, 1, 2, 3, 4, 5, 6, 7]
        assert.deepStrictEqual(yield* counter.applied(key), expected)
      }
      const set = yield* letters.list()
      assert.deepStrictEqual(set.map(({ messageId, waiting }) => [messageId, waiting]), [["key-0-3", 4]])
    }))
  )

  it.live(
    "acknowledges at a stop what was handled, and nothing else",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const [handling, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      let batches = 0
      const { acknowledged, counter, scope } = yield* makeConsumer(topic, group, {
        before: () =>
          Effect.suspend(() =>
            ++batches < 5 ? Effect.void : Effect.andThen(Deferred.succeed(handling, undefined), Deferred.await(go))
          )
      })
      const all = keys.flatMap((key) => counts(topic, key, 8))
      yield* publish(all)
      yield* Deferred.await(handling)
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      // In the middle of its stop a batch at hand comes to its end.
      yield* Effect.andThen(Effect.yieldNow, Deferred.succeed(go, undefined))
      yield* Fiber.join(stopping)

      const applied = yield* Effect.forEach(
        keys,
        (key) => Effect.map(counter.applied(key), (numbers) => numbers.map((n) => nameOf(count(key, n))))
      )
      assert.deepStrictEqual(names(acknowledged.entries), new Set(applied.flat()))
      assert.isBelow(applied.flat().length, all.length)
      const journal = makeJournal<IncomingMessage>()
      yield* join({ topics: [topic], group }, acknowledging(journal))
      yield* journal.until((rest) => names([...acknowledged.entries, ...rest]).size === all.length)
      assertGivenOnce([...acknowledged.entries, ...journal.entries])
      assert.isAbove(new Set(journal.entries.map(placeOf)).size, 0)
    }))
  )
}
