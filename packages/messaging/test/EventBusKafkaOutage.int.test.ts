import { assert, describe, layer } from "@effect/vitest"
import { type OwnKafka, ownKafka, ownKafkaSuite } from "@g-store/local-kafka/LocalKafka.ts"
import { Context, Effect, Fiber, Layer, Logger, Schedule, type Scope } from "effect"
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { type Batch, EventBus } from "../src/EventBus.ts"
import { EventBusKafka } from "../src/kafka/EventBusKafka.ts"
import type { KafkaOptions } from "../src/kafka/KafkaOptions.ts"
import type { IncomingMessage, WireMessage } from "../src/Message.ts"
import {
  acknowledging,
  assertFirstCopiesInOrder,
  distinct,
  holding,
  join,
  membership,
  wire
} from "./fixtures/BusMember.ts"
import { makeJournal } from "./fixtures/Journal.ts"

class Broker extends Context.Service<Broker, OwnKafka>()("@g-store/messaging/test/Broker") {
  static readonly layer = Layer.effect(Broker, ownKafka)
}

const program = fileURLToPath(new URL("./fixtures/holdBatch.ts", import.meta.url))

/** A bus on a broker that the test may stop, a topic and a group. Afterwards the broker runs again. */
const onBroker = (
  options: Omit<KafkaOptions, "brokers">,
  test: (kafka: OwnKafka, topic: string, group: string) => Effect.Effect<void, unknown, EventBus | Scope.Scope>
) =>
() =>
  Effect.gen(function*() {
    const kafka = yield* Broker
    const id = randomUUID()
    yield* test(kafka, `topic-${id}`, `group-${id}`).pipe(
      Effect.scoped,
      Effect.provide(EventBusKafka.layerWith({ ...options, brokers: kafka.brokers })),
      Effect.ensuring(Effect.orDie(Effect.andThen(kafka.resume, kafka.start)))
    )
  })

/** As the outbox relay does: the same again, until it is there. */
const publishSurely = (messages: ReadonlyArray<WireMessage>) =>
  Effect.flatMap(EventBus, (bus) => bus.publish(messages)).pipe(
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.orDie
  )

describe("EventBusKafka in an outage", await ownKafkaSuite(), () => {
  layer(Broker.layer, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    const warnings = makeJournal<string>()
    const listening = Logger.layer([
      Logger.make(({ logLevel, message }) => {
        if (logLevel === "Warn" || logLevel === "Error") warnings.add(String(message))
      })
    ])
    it.effect(
      "waits for a broker that is not there yet, and says so once",
      onBroker({}, (kafka, topic, group) =>
        Effect.gen(function*() {
          yield* kafka.stop
          const bus = yield* EventBus
          const journal = makeJournal<IncomingMessage>()
          const member = yield* join({ topics: [topic], group }, acknowledging(journal))
          const error = yield* Effect.flip(bus.publish([wire(topic, "key", "0")]))
          assert.strictEqual(error._tag, "BusUnavailable")
          yield* warnings.until((lines) => lines.length > 0)
          // A few tries more.
          yield* Effect.sleep("2500 millis")
          assert.lengthOf(warnings.entries, 1)
          assert.include(warnings.entries[0], `${group} waits for Kafka at ${kafka.brokers.join()}: Connection error`)
          yield* kafka.start
          yield* member.assigned
          yield* publishSurely([wire(topic, "key", "0")])
          yield* journal.until((messages) => messages.length > 0)
        }).pipe(Effect.provide(listening)))
    )

    it.effect(
      "loses and reorders nothing when the broker restarts, and when it crashes",
      onBroker({}, (kafka, topic, group) =>
        Effect.gen(function*() {
          const journal = makeJournal<IncomingMessage>()
          yield* join({ topics: [topic], group }, acknowledging(journal))
          // Four publishers with 25 keys each, a hundred messages of every key.
          yield* Effect.forEach([0, 1, 2, 3], (publisher) =>
            Effect.forEach(
              Array.from({ length: 100 }, (_, n) => n),
              (n) =>
                publishSurely(
                  Array.from({ length: 25 }, (_, key) => wire(topic, `key-${publisher}-${key}`, String(n)))
                ),
              { discard: true }
            ), { concurrency: "unbounded", discard: true }).pipe(Effect.forkScoped)
          yield* journal.until((messages) => distinct(messages) >= 3_333)
          yield* kafka.restart
          yield* journal.until((messages) => distinct(messages) >= 5_000)
          yield* Effect.andThen(kafka.kill, kafka.start)
          yield* journal.until((messages) => distinct(messages) === 10_000)
          assertFirstCopiesInOrder(journal.entries)
        }))
    )

    it.effect(
      "gives up publishing and its membership when the broker answers no more",
      onBroker(
        { sessionTimeout: "2 seconds", groupTimeout: "4 seconds" },
        (kafka, topic, group) =>
          Effect.gen(function*() {
            const bus = yield* EventBus
            const [journal, assigned] = [makeJournal<IncomingMessage>(), makeJournal<void>()]
            const onAssigned = Effect.sync(() => assigned.add(undefined))
            const member = yield* membership({ topics: [topic], group, onAssigned }, acknowledging(journal)).pipe(
              Effect.flip,
              Effect.forkScoped
            )
            yield* assigned.until((times) => times.length > 0)
            yield* publishSurely([wire(topic, "key", "0")])
            yield* kafka.pause
            const refused = yield* Effect.flip(
              bus.publish([wire(topic, "key", "1")])
            )
            const left = yield* Fiber.join(member)
            assert.strictEqual(refused.operation, "publish")
            assert.match(String(left.cause), new RegExp(`nothing was fetched as a member of ${group} for \\d+ s`))
            yield* kafka.resume
            yield* join({ topics: [topic], group }, acknowledging(journal))
            yield* publishSurely([wire(topic, "key", "1")])
            yield* journal.until((messages) => distinct(messages) === 2)
            assertFirstCopiesInOrder(journal.entries)
          })
      )
    )

    it.effect(
      "gives the messages of a member that was killed to another one",
      onBroker({ sessionTimeout: "2 seconds" }, (kafka, topic, group) =>
        Effect.gen(function*() {
          yield* publishSurely([wire(topic, "key", "0")])
          const other = yield* Effect.acquireRelease(
            Effect.sync(() =>
              spawn(process.execPath, [program, topic, group, ...kafka.brokers], {
                stdio: ["ignore", "pipe", "inherit"]
              })
            ),
            (own) => Effect.sync(() => own.kill("SIGKILL"))
          )
          // It has the batch, and will never acknowledge it.
          yield* Effect.promise(() => once(other.stdout, "data"))
          other.kill("SIGKILL")
          const journal = makeJournal<Batch>()
          yield* join({ topics: [topic], group }, holding(journal))
          yield* journal.until((batches) => batches.length === 1)
          yield* journal.entries[0]?.acknowledge ?? Effect.void
        }))
    )
  })
})
