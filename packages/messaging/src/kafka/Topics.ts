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

const isThere = async (admin: Admin, topic: string): Promise<void> => {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const partitions = topics.flatMap((found) => found.partitions)
  if (partitions.length === 0 || partitions.some(({ leader }) => leader < 0)) {
    throw new Error("a partition has no leader")
  }
}

export const makeTopics = (options: KafkaOptions): Effect.Effect<Topics> =>
  Effect.gen(function*() {
    const kafka = yield* kafkaClient(options, { requestTimeout: 5_000, retries: 1 })
    const known = new Set<string>()
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
              // The brokers hear of it one after the other. Who asks too early is told that there is no such topic.
              yield* attempt(`look up topic ${topic}`, () => isThere(admin, topic)).pipe(
                Effect.retry(Schedule.spaced("50 millis"))
              )
            }
            for (const topic of topics) known.add(topic)
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
