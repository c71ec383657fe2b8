import { assert, describe, it } from "@effect/vitest"
import { ownKafka, ownKafkaSuite } from "@g-store/local-kafka/LocalKafka.ts"
import { Effect, Exit, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { EventBus } from "../src/EventBus.ts"
import { EventBusKafka } from "../src/kafka/EventBusKafka.ts"
import { wire } from "./fixtures/BusMember.ts"

describe("a publish to Kafka", await ownKafkaSuite(), () => {
  it.live("is not done before the broker has said so", () =>
    Effect.gen(function*() {
      const kafka = yield* ownKafka
      const topic = `topic-${randomUUID()}`
      yield* Effect.gen(function*() {
        const bus = yield* EventBus
        // The connection stands, so nothing but the answer is missing.
        yield* Effect.retry(bus.publish([wire(topic, "key", "0")]), Schedule.spaced("100 millis"))
        yield* kafka.pause
        const exit = yield* Effect.exit(bus.publish([wire(topic, "key", "1")]))
        yield* kafka.resume
        assert.isTrue(Exit.isFailure(exit), "a broker that stands still cannot have taken it")
      }).pipe(Effect.provide(EventBusKafka.layerWith({ brokers: kafka.brokers })), Effect.ensuring(kafka.resume))
    }).pipe(Effect.scoped))
})
