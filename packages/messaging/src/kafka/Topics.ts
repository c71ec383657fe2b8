import { Effect, Schedule, Semaphore } from "effect"
import type { Admin } from "kafkajs"
import { BusUnavailable } from "../EventBus.ts"
import { attempt, kafkaClient, MODULE } from "./KafkaClient.ts"
import type { KafkaOptions } from "./KafkaOptions.ts"

export interface Topics {
  /** Creates what is missing. Asks the brokers once for each topic; replicas may do so at the same time. */
  readonly ensure: (topics: ReadonlyArray<string>) => Effect.Effect<void, BusUnavailable>
  /** The topics were found missing after all. */
  readonly forget: (topics: ReadonlyArray<string>) => Effect.Effect<void>
  /** How many partitions the topic had when it was ensured; undefined before. */
  readonly partitions: (topic: string) => number | undefined
}

/**
 * A week, as an inbox remembers for longer than that; and never compressed, whatever a foreign producer sends, since
 * kafkajs reads gzip alone. Only of topics created here: others are their owner's.
 */
const topicSettings = [
  { name: "retention.ms", value: String(7 * 24 * 3_600_000) },
  { name: "cleanup.policy", value: "delete" },
  { name: "compression.type", value: "uncompressed" }
]

/** How many partitions the brokers tell of, all with a leader. */
const partitionsOf = async (admin: Admin, topic: string): Promise<number> => {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const partitions = topics.flatMap((found) => found.partitions)
  if (partitions.length === 0 || partitions.some(({ leader }) => leader < 0)) {
    throw new Error("a partition has no leader")
  }
  return partitions.length
}

/**
 * The brokers tell of a new topic's partitions one after the other. Who publishes or joins meanwhile sees fewer: a key
 * would change its partition, and so overtake itself, and partitions would have no reader.
 */
const allPartitionsOf = Effect.fnUntraced(function*(admin: Admin, topic: string, wanted: number) {
  const ask = attempt(`look up topic ${topic}`, () => partitionsOf(admin, topic)).pipe(
    Effect.retry(Schedule.spaced("50 millis"))
  )
  // One that others made may have any number: it is taken for all of them once it stays the same.
  let count = yield* ask
  for (let same = 0; count !== wanted && same < 5;) {
    yield* Effect.sleep("100 millis")
    const next = yield* ask
    same = next === count ? same + 1 : 0
    count = next
  }
  return count
})

export const makeTopics = (options: KafkaOptions): Effect.Effect<Topics> =>
  Effect.gen(function*() {
    const kafka = yield* kafkaClient(options, { requestTimeout: 5_000, retries: 1 })
    const known = new Map<string, number>()
    const oneAtATime = yield* Semaphore.make(1)
    const numPartitions = options.partitions ?? 6

    const create = (topics: ReadonlyArray<string>) =>
      Effect.acquireUseRelease(
        Effect.sync(() => kafka.admin()),
        (admin) =>
          Effect.gen(function*() {
            yield* attempt("connect", () => admin.connect())
            const there = yield* attempt("list topics", () => admin.listTopics())
            for (const topic of topics.filter((name) => !there.includes(name))) {
              // False when another replica was faster. -1 leaves the number of copies to the brokers' default.
              const created = yield* attempt(`create topic ${topic}`, () =>
                admin.createTopics({
                  topics: [{ topic, numPartitions, replicationFactor: -1, configEntries: topicSettings }],
                  waitForLeaders: false
                }))
              if (created) yield* Effect.logInfo(`created topic ${topic} with ${numPartitions} partitions`)
            }
            for (const topic of topics) known.set(topic, yield* allPartitionsOf(admin, topic, numPartitions))
          }),
        (admin) => attempt("disconnect", () => admin.disconnect()).pipe(Effect.timeout("2 seconds"), Effect.ignore)
      ).pipe(
        Effect.timeoutOrElse({
          duration: "10 seconds",
          orElse: () =>
            Effect.fail(new BusUnavailable({ operation: "create topics", cause: new Error("no answer in 10 seconds") }))
        }),
        Effect.annotateLogs(MODULE)
      )

    return {
      partitions: (topic) => known.get(topic),
      ensure: (topics) =>
        Effect.suspend(() => {
          if (topics.every((name) => known.has(name))) return Effect.void
          return oneAtATime.withPermits(1)(Effect.suspend(() => create(topics.filter((name) => !known.has(name)))))
        }),
      forget: (topics) =>
        Effect.sync(() => {
          for (const topic of topics) known.delete(topic)
        })
    }
  })
