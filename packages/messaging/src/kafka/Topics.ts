import { Clock, Effect, Schedule, Semaphore } from "effect"
import type { Admin } from "kafkajs"
import { BusUnavailable } from "../EventBus.ts"
import { attempt, kafkaClient, MODULE } from "./KafkaClient.ts"
import type { KafkaOptions } from "./KafkaOptions.ts"

export interface Topics {
  /**
   * Creates what is missing, and counts anew what has more partitions than were known. Asks the brokers for nothing else;
   * replicas may do so at the same time.
   */
  readonly ensure: (topics: ReadonlyArray<string>) => Effect.Effect<void, BusUnavailable>
  /** The topics were found missing after all. */
  readonly forget: (topics: ReadonlyArray<string>) => Effect.Effect<void>
  /**
   * Whether a client that was told of so many partitions may choose one by key. With another number than is known a key
   * would go to another one than its messages before. More of them are looked into by the next `ensure`; fewer are what
   * a broker tells that does not know all of them yet.
   */
  readonly agree: (topic: string, partitions: number) => boolean
}

/** In milliseconds: how long it takes until a topic is counted again that seems to have more partitions. */
const RECOUNT = 2_000

/**
 * A week, as an inbox remembers for longer than that. Brokers forget whole segments, each a week after its last message:
 * with Kafka's own segments of another week a quiet topic would keep a message for two. And never compressed, whatever a
 * foreign producer sends, since kafkajs reads gzip alone. Only of topics created here: others are their owner's.
 */
const topicSettings = [
  { name: "retention.ms", value: String(7 * 24 * 3_600_000) },
  { name: "segment.ms", value: String(12 * 3_600_000) },
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
    /** Somebody was told of more partitions than are known. */
    const outgrown = new Set<string>()
    const counted = new Map<string, number>()
    const oneAtATime = yield* Semaphore.make(1)
    const numPartitions = options.partitions ?? 6

    const asAdmin = <A>(use: (admin: Admin) => Effect.Effect<A, BusUnavailable>) =>
      Effect.acquireUseRelease(
        Effect.sync(() => kafka.admin()),
        (admin) => Effect.andThen(attempt("connect", () => admin.connect()), use(admin)),
        (admin) => attempt("disconnect", () => admin.disconnect()).pipe(Effect.timeout("2 seconds"), Effect.ignore)
      ).pipe(
        Effect.timeoutOrElse({
          duration: "10 seconds",
          orElse: () =>
            Effect.fail(new BusUnavailable({ operation: "create topics", cause: new Error("no answer in 10 seconds") }))
        }),
        Effect.annotateLogs(MODULE)
      )

    const create = (topics: ReadonlyArray<string>) =>
      asAdmin(Effect.fnUntraced(function*(admin) {
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
      }))

    const recount = (topics: ReadonlyArray<string>) =>
      asAdmin(Effect.fnUntraced(function*(admin) {
        for (const topic of topics) {
          const before = known.get(topic) ?? 0
          const count = yield* allPartitionsOf(admin, topic, before)
          if (count <= before) continue
          known.set(topic, count)
          outgrown.delete(topic)
          yield* Effect.logWarning(`topic ${topic} has ${count} partitions now instead of ${before}: keys have moved`)
        }
      }))

    const ensured = Effect.fnUntraced(function*(topics: ReadonlyArray<string>) {
      const missing = topics.filter((name) => !known.has(name))
      if (missing.length > 0) yield* create(missing)
      const now = yield* Clock.currentTimeMillis
      const due = topics.filter((name) => outgrown.has(name) && now - (counted.get(name) ?? -RECOUNT) >= RECOUNT)
      for (const topic of due) counted.set(topic, now)
      if (due.length > 0) yield* recount(due)
    })

    return {
      agree: (topic, partitions) => {
        const count = known.get(topic)
        if (count === undefined || count === partitions) return true
        if (partitions > count) outgrown.add(topic)
        return false
      },
      ensure: (topics) =>
        Effect.suspend(() =>
          topics.every((name) => known.has(name) && !outgrown.has(name))
            ? Effect.void
            : oneAtATime.withPermits(1)(ensured(topics))
        ),
      forget: (topics) =>
        Effect.sync(() => {
          for (const topic of topics) {
            known.delete(topic)
            outgrown.delete(topic)
          }
        })
    }
  })
