import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { type Batch, EventBus } from "../src/EventBus.ts"
import { EventBusMemory } from "../src/memory/EventBusMemory.ts"
import { MemoryDatabase } from "../src/memory/MemoryDatabase.ts"
import { OutboxMemory } from "../src/memory/OutboxMemory.ts"
import { MESSAGE_ID } from "../src/Message.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { Outbox } from "../src/Outbox.ts"
import { OutboxRelay } from "../src/OutboxRelay.ts"
import { OutboxStore } from "../src/OutboxStore.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import { eventually } from "./fixtures/relay.ts"

const TOPIC = "order.events"

/** The store in one process: a relay that feeds a bus which waits for its durable group. */
const Store = OutboxRelay.layer({ leases: "exclusive" }).pipe(
  Layer.provideMerge(Layer.mergeAll(
    OutboxMemory.pipe(Layer.provide(MemoryDatabase.layer)),
    EventBusMemory.layer({ groups: [{ group: "payment", topics: [TOPIC] }] }),
    MessagingHealth.layer
  )),
  Layer.provide(SecureRandom.layerWebCrypto)
)
const consume = (handle: (batch: Batch) => Effect.Effect<unknown>) =>
  Effect.flatMap(EventBus, (bus) =>
    bus.subscribe({ topics: [TOPIC], group: "payment" }).pipe(
      Stream.mapEffect(handle, { concurrency: "unbounded" }),
      Stream.runDrain,
      Effect.forkScoped
    ))
const depth = Effect.map(
  Effect.flatMap(OutboxStore, (store) => store.status),
  (topics) => topics.reduce((sum, topic) => sum + topic.depth, 0)
)
const noting = (seen: Array<string>) => (batch: Batch) =>
  Effect.andThen(
    Effect.sync(() => seen.push(...batch.messages.map((message) => message.headers[MESSAGE_ID] ?? ""))),
    Effect.ignore(batch.acknowledge)
  )

describe("the relay on the memory bus", () => {
  it.effect("keeps messages in the outbox until a consumer that comes much later has handled each of them once", () =>
    Effect.gen(function*() {
      const outbox = yield* Outbox
      const health = yield* MessagingHealth
      const messages = Array.from({ length: 40 }, (_, nth) => outgoing(nth, `order-${nth % 7}`))
      yield* outbox.append(messages.slice(0, 20))
      yield* Effect.ignoreCause(eventually(() => false, 30_000))
      yield* outbox.append(messages.slice(20))
      yield* Effect.ignoreCause(eventually(() => false, 30_000))
      assert.strictEqual(yield* depth, 40)
      assert.deepStrictEqual(yield* health.reasons, ["outbox relay: the bus does not confirm what is published"])

      const seen: Array<string> = []
      yield* consume(noting(seen))
      yield* eventually(() => seen.length >= 40, 10_000)
      yield* Effect.ignoreCause(eventually(() => false, 10_000))
      assert.strictEqual(yield* depth, 0)
      assert.deepStrictEqual(yield* health.reasons, [])
      // In order per key, and none twice although the relay had to publish them many times.
      for (let key = 0; key < 7; key++) {
        const ids = messages.filter((message) => message.key === `order-${key}`).map((message) => message.id)
        assert.deepStrictEqual(seen.filter((id) => ids.includes(id)), ids)
      }
      assert.strictEqual(seen.length, 40)
    }).pipe(Effect.scoped, Effect.provide(Store)))

  it.effect("lets keys of other shards flow while the consumer is stuck on one", () =>
    Effect.gen(function*() {
      const outbox = yield* Outbox
      const seen: Array<string> = []
      const goOn = yield* Deferred.make<void>()
      let stuck: number | undefined
      yield* consume((batch) => {
        stuck ??= batch.partition
        const handled = noting(seen)(batch)
        return batch.partition === stuck ? Effect.andThen(Deferred.await(goOn), handled) : handled
      })
      yield* outbox.append([outgoing(1_000, "first")])
      yield* eventually(() => stuck !== undefined)
      const messages = Array.from({ length: 60 }, (_, nth) => outgoing(nth, `order-${nth}`))
      for (const message of messages) yield* outbox.append([message])
      yield* eventually(() => seen.length > 30, 2_000)
      const left = yield* depth
      assert.isTrue(left > 1 && left < 30, `${left} messages wait`)
      assert.strictEqual(seen.length + left, 61)
      yield* Deferred.succeed(goOn, undefined)
      yield* eventually(() => seen.length >= 61, 10_000)
    }).pipe(Effect.scoped, Effect.provide(Store)))
})
