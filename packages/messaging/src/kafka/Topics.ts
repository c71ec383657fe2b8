import { Effect, Semaphore } from "effect"
import { type BusUnavailable } from "../EventBus.ts"
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
                  waitForLeaders: true
                }))
              if (created) yield* Effect.logInfo(`created topic ${topic} with ${numPartitions} partitions`)
            }
            for (const topic of topics) known.add(topic)
          }),
        (admin) => attempt("disconnect", () => admin.disconnect()).pipe(Effect.timeout("2 seconds"), Effect.ignore)
      ).pipe(Effect.annotateLogs(MODULE))

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
