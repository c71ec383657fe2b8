import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Kafka, logLevel } from "kafkajs"
import { kafkaSuite, LocalKafka, ownKafka, ownKafkaSuite } from "../src/LocalKafka.ts"

const client = (brokers: ReadonlyArray<string>) => new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })

const topics = (brokers: ReadonlyArray<string>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => client(brokers).admin()),
    (admin) => Effect.promise(() => admin.listTopics()),
    (admin) => Effect.promise(() => admin.disconnect())
  )

describe("LocalKafka", await kafkaSuite(), () => {
  it.live("answers", () =>
    Effect.gen(function*() {
      const { brokers } = yield* LocalKafka
      assert.isArray(yield* topics(brokers))
    }).pipe(Effect.provide(LocalKafka.layer)))
})

describe("ownKafka", await ownKafkaSuite(), () => {
  it.live("keeps what it stored through an orderly and a disorderly end", () =>
    Effect.gen(function*() {
      const kafka = yield* ownKafka
      yield* Effect.promise(async () => {
        const admin = client(kafka.brokers).admin()
        await admin.createTopics({ topics: [{ topic: "kept", numPartitions: 1 }], waitForLeaders: true })
        await admin.disconnect()
      })
      yield* kafka.restart
      assert.include(yield* topics(kafka.brokers), "kept")
      yield* kafka.kill
      yield* kafka.start
      assert.include(yield* topics(kafka.brokers), "kept")
    }).pipe(Effect.scoped))
})
