import { Clock, type Duration, Effect, Ref, Schedule, type Scope, ScopedRef, Semaphore } from "effect"
import { Partitioners, type TopicMessages } from "kafkajs"
import { BusUnavailable } from "../EventBus.ts"
import type { WireMessage } from "../Message.ts"
import { attempt, errorType, kafkaClient } from "./KafkaClient.ts"
import type { KafkaOptions } from "./KafkaOptions.ts"
import { makeMerging } from "./Merging.ts"
import type { Topics } from "./Topics.ts"

/** In milliseconds. Below a relay's lease of 5 s, so that a lost request is given up before its shard may move. */
const REQUEST_TIMEOUT = 3_000
/** All of it, with connecting and creating topics. Callers that know a shorter limit interrupt. */
const PUBLISH_TIMEOUT = "10 seconds"
/** One request, for which others wait. A lost one is followed by a search for the brokers that may take longer. */
const REQUEST_LIMIT = "4 seconds"

/** Refused by a broker that is not, or not yet, the one to ask: just after a topic was created, or a leader changed. */
const moved = ["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PARTITION"]

const within =
  (limit: Duration.Input) => <A>(self: Effect.Effect<A, BusUnavailable>): Effect.Effect<void, BusUnavailable> =>
    Effect.asVoid(Effect.timeoutOrElse(self, {
      duration: limit,
      orElse: () => Effect.fail(new BusUnavailable({ operation: "publish", cause: new Error(`no answer in ${limit}`) }))
    }))

const byTopic = (messages: ReadonlyArray<WireMessage>): Array<TopicMessages> =>
  Array.from(Map.groupBy(messages, ({ topic }) => topic), ([topic, ofTopic]) => ({
    topic,
    messages: ofTopic.map(({ headers, key, payload }) => ({
      key,
      // A view, not a copy.
      value: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
      headers
    }))
  }))

/** Milliseconds after which a call that kafkajs still owes an answer counts as lost, and the client with it. */
const LOST = 30_000

/**
 * kafkajs knows another number of partitions than we do. The type makes kafkajs ask the brokers anew, and the publish is
 * tried again, for which the topic is ensured anew.
 */
class StaleMetadata extends Error {
  readonly type = "LEADER_NOT_AVAILABLE"
  constructor(topic: string) {
    super(`it is not clear how many partitions ${topic} has`)
    this.name = "StaleMetadata"
  }
}

/** A producer that connects when it is first used, and knows since when kafkajs owes it answers. */
const acquireProducer = Effect.fnUntraced(function*(options: KafkaOptions, topics: Topics) {
  const kafka = yield* kafkaClient(options, { requestTimeout: REQUEST_TIMEOUT, retries: 1 })
  const producer = yield* Effect.acquireRelease(
    Effect.sync(() =>
      kafka.producer({
        idempotent: false,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner: () => {
          const partitioner = Partitioners.DefaultPartitioner()
          return (args) => {
            if (!topics.agree(args.topic, args.partitionMetadata.length)) throw new StaleMetadata(args.topic)
            return partitioner(args)
          }
        },
        retry: { retries: 0 }
      })
    ),
    (own) => attempt("disconnect", () => own.disconnect()).pipe(Effect.timeout("2 seconds"), Effect.ignore)
  )
  const clock = yield* Clock.Clock
  const isConnected = yield* Ref.make(false)
  const oneAtATime = yield* Semaphore.make(1)
  const owed = new Set<{ readonly since: number }>()
  const noted = <A>(call: () => Promise<A>) => () => {
    const owing = { since: clock.currentTimeMillisUnsafe() }
    owed.add(owing)
    return call().finally(() => owed.delete(owing))
  }
  // Once only: afterwards kafkajs connects again by itself.
  const connect = oneAtATime.withPermits(1)(
    Effect.flatMap(Ref.get(isConnected), (connected) =>
      connected
        ? Effect.void
        : Effect.andThen(attempt("connect", noted(() => producer.connect())), Ref.set(isConnected, true)))
  )
  const send = (topicMessages: Array<TopicMessages>) =>
    attempt("publish", noted(() => producer.sendBatch({ acks: -1, timeout: REQUEST_TIMEOUT, topicMessages })))
  // A request without an answer leaves a connection of which nobody knows whether it lives, and kafkajs would ask the
  // next thing there too.
  let isSilent = false
  producer.on(producer.events.REQUEST_TIMEOUT, () => {
    isSilent = true
  })
  const isLost = () => {
    const [oldest] = owed
    return isSilent || (oldest !== undefined && clock.currentTimeMillisUnsafe() - oldest.since > LOST)
  }
  return { connect, send, isLost }
})

/**
 * Writes with acknowledgements from all in-sync replicas, one request at a time for all callers, hence one batch to each
 * partition. Not kafkajs' idempotent producer: that one retries for ever and loses its order when it starts anew. kafkajs
 * sends each batch once. When a request fails or gives no sign, the caller publishes the same again before anything
 * newer, so of what was doubled every first copy is in order; the inboxes know the second ones.
 */
export const makePublisher = (
  options: KafkaOptions,
  topics: Topics
): Effect.Effect<(messages: ReadonlyArray<WireMessage>) => Effect.Effect<void, BusUnavailable>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const current = yield* ScopedRef.fromAcquire(acquireProducer(options, topics))
    const producer = Effect.flatMap(ScopedRef.get(current), (own) =>
      own.isLost()
        ? Effect.andThen(ScopedRef.set(current, acquireProducer(options, topics)), ScopedRef.get(current))
        : Effect.succeed(own))
    const merged = yield* makeMerging({
      ready: Effect.flatMap(producer, ({ connect }) => connect).pipe(within(PUBLISH_TIMEOUT)),
      send: (messages) => Effect.flatMap(producer, ({ send }) => send(byTopic(messages))).pipe(within(REQUEST_LIMIT))
    })

    return (messages) =>
      Effect.suspend(() => {
        if (messages.length === 0) return Effect.void
        const names = Array.from(new Set(messages.map(({ topic }) => topic)))
        // What the brokers have refused once holds nobody else up when it is tried again.
        let refused = false
        return topics.ensure(names).pipe(
          Effect.andThen(Effect.suspend(() => merged(messages, refused))),
          Effect.tapError((error) => {
            refused = true
            return errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION" ? topics.forget(names) : Effect.void
          }),
          Effect.retry({
            schedule: Schedule.spaced("100 millis"),
            times: 50,
            while: (error) => moved.includes(errorType(error))
          }),
          within(PUBLISH_TIMEOUT)
        )
      })
  })
