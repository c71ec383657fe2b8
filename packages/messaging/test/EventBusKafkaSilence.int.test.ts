import { assert, describe, it } from "@effect/vitest"
import { ownKafkaBehind, ownKafkaSuite } from "@g-store/local-kafka/LocalKafka.ts"
import { type TestProxy, testProxy } from "@g-store/postgres/TestProxy.ts"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { EventBus } from "../src/EventBus.ts"
import { EventBusKafka } from "../src/kafka/EventBusKafka.ts"
import type { KafkaOptions } from "../src/kafka/KafkaOptions.ts"
import { wire } from "./fixtures/BusMember.ts"

/** Uses a bus whose way to its own Kafka leads through a network that can be broken. */
const onNetwork = <A, E>(
  use: (network: TestProxy) => Effect.Effect<A, E, EventBus>,
  options: Pick<KafkaOptions, "groupTimeout"> = {}
) =>
  Effect.gen(function*() {
    const front = yield* Deferred.make<TestProxy>()
    const kafka = yield* ownKafkaBehind((port) =>
      testProxy(port).pipe(Effect.tap((made) => Deferred.succeed(front, made)), Effect.map((made) => made.port))
    )
    return yield* use(yield* Deferred.await(front)).pipe(
      Effect.provide(EventBusKafka.layerWith({ brokers: kafka.brokers, ...options }))
    )
  }).pipe(Effect.scoped)

describe("EventBusKafka on a network that breaks without a word", await ownKafkaSuite(), () => {
  it.live("publishes again, on a new connection", () =>
    onNetwork(Effect.fnUntraced(function*(network) {
      const bus = yield* EventBus
      yield* bus.publish([wire("topic", "order", "1")])
      assert.isAbove(yield* network.silence(), 0)
      yield* Effect.flip(bus.publish([wire("topic", "order", "2")]))
      // The very next one: no other request has to be lost first.
      yield* bus.publish([wire("topic", "order", "2")])
    })))

  it.live("ends a subscription that is in its group and hears nothing, so that it is made anew", () =>
    onNetwork(
      Effect.fnUntraced(function*(network) {
        const bus = yield* EventBus
        yield* bus.publish([wire("topic", "order", "1")])
        const heard = yield* Deferred.make<void>()
        const subscription = yield* bus.subscribe({ topics: ["topic"], group: "group" }).pipe(
          Stream.runForEach(({ acknowledge }) => Effect.andThen(acknowledge, Deferred.succeed(heard, undefined))),
          Effect.flip,
          Effect.forkChild
        )
        yield* Deferred.await(heard)
        // A member asks for messages on a connection of their own, made after the one for its heartbeats.
        const last = (yield* network.connections) - 1
        assert.strictEqual(yield* network.silence((nth) => nth === last), 1)
        const { cause } = yield* Fiber.join(subscription).pipe(Effect.timeout("10 seconds"))
        assert.include(String(cause), "nothing was fetched")
      }),
      { groupTimeout: "6 seconds" }
    ))
})
