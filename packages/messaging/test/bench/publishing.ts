import { Clock, Effect } from "effect"
import { Kafka, logLevel, type Message } from "kafkajs"
import { quietTimers } from "../../src/kafka/timers.ts"
import { toWire } from "../../src/Message.ts"
import { TOPIC, workload } from "./workload.ts"

/** As many as the relay publishes of a shard at once. */
const BATCH = 500
/** As many as the relay has shards: whoever waits for the broker leaves the processor to the next batch. */
const AT_ONCE = 16

/** Publishes the workload by kafkajs alone, with acknowledgements of all replicas: messages a second. */
export const publishing = Effect.fnUntraced(function*(brokers: ReadonlyArray<string>, messages: number) {
  quietTimers()
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const producer = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const admin = kafka.admin()
      await admin.connect()
      await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 6 }], waitForLeaders: true })
      await admin.disconnect()
      const made = kafka.producer({ maxInFlightRequests: 1 })
      await made.connect()
      return made
    }),
    (made) => Effect.promise(() => made.disconnect())
  )
  const all = workload(messages).map(toWire).map(({ headers, key, payload }): Message => ({
    key,
    headers,
    value: Buffer.from(payload)
  }))
  return Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    yield* Effect.forEach(
      Array.from({ length: Math.ceil(all.length / BATCH) }, (_, nth) => all.slice(nth * BATCH, (nth + 1) * BATCH)),
      (batch) =>
        Effect.promise(() => producer.sendBatch({ acks: -1, topicMessages: [{ topic: TOPIC, messages: batch }] })),
      { concurrency: AT_ONCE, discard: true }
    )
    return messages / ((yield* Clock.currentTimeMillis) - began) * 1_000
  })
})
