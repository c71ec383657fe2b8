import { Effect, Ref, type Scope, Semaphore } from "effect"
import { Partitioners, type TopicMessages } from "kafkajs"
import { BusUnavailable } from "../EventBus.ts"
import type { WireMessage } from "../Message.ts"
import { attempt, errorType, kafkaClient } from "./KafkaClient.ts"
import type { KafkaOptions } from "./KafkaOptions.ts"
import type { Topics } from "./Topics.ts"

/** In milliseconds. Below a relay's lease of 5 s, so that a lost request is given up before its shard may move. */
const REQUEST_TIMEOUT = 3_000
/** All of it, with connecting and creating topics. Callers that know a shorter limit interrupt. */
const PUBLISH_TIMEOUT = "10 seconds"

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

/**
 * Writes with acknowledgements from all in-sync replicas, one request in flight to each broker, hence one batch to each
 * partition. Not kafkajs' idempotent producer: that one retries for ever and loses its order when it starts anew. kafkajs
 * sends each batch once. When a request fails or gives no sign, the caller publishes the same again before anything
 * newer, so of what was doubled every first copy is in order; the inboxes know the second ones.
 */
export const makePublisher = (
  options: KafkaOptions,
  topics: Topics
): Effect.Effect<(messages: ReadonlyArray<WireMessage>) => Effect.Effect<void, BusUnavailable>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const kafka = yield* kafkaClient(options, { requestTimeout: REQUEST_TIMEOUT, retries: 1 })
    const producer = yield* Effect.acquireRelease(
      Effect.sync(() =>
        kafka.producer({
          idempotent: false,
          maxInFlightRequests: 1,
          allowAutoTopicCreation: false,
          createPartitioner: Partitioners.DefaultPartitioner,
          retry: { retries: 0 }
        })
      ),
      (own) => attempt("disconnect", () => own.disconnect()).pipe(Effect.timeout("5 seconds"), Effect.ignore)
    )
    const isConnected = yield* Ref.make(false)
    const oneAtATime = yield* Semaphore.make(1)
    // Once only: afterwards kafkajs connects again by itself.
    const connect = oneAtATime.withPermits(1)(
      Effect.flatMap(Ref.get(isConnected), (connected) =>
        connected
          ? Effect.void
          : Effect.andThen(attempt("connect", () => producer.connect()), Ref.set(isConnected, true)))
    )

    return (messages) => {
      if (messages.length === 0) return Effect.void
      const topicMessages = byTopic(messages)
      const names = topicMessages.map(({ topic }) => topic)
      return topics.ensure(names).pipe(
        Effect.andThen(connect),
        Effect.andThen(
          attempt("publish", () => producer.sendBatch({ acks: -1, timeout: REQUEST_TIMEOUT, topicMessages }))
        ),
        Effect.tapError((error) =>
          errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION" ? topics.forget(names) : Effect.void
        ),
        Effect.timeoutOrElse({
          duration: PUBLISH_TIMEOUT,
          orElse: () =>
            Effect.fail(
              new BusUnavailable({ operation: "publish", cause: new Error(`no answer in ${PUBLISH_TIMEOUT}`) })
            )
        }),
        Effect.asVoid
      )
    }
  })
