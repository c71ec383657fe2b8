import { Effect, Semaphore } from "effect"
import type { Message } from "kafkajs"
import { toolKafka } from "../chaos/toolKafka.ts"

/** Somebody else on the same topics, who goes on trying through every outage. */
export const publisher = Effect.fnUntraced(function*(brokers: ReadonlyArray<string>) {
  const client = toolKafka(brokers, {
    connectionTimeout: 2_000,
    requestTimeout: 3_000,
    retry: { initialRetryTime: 200, maxRetryTime: 1_000, retries: 1 }
  })
  const producer = yield* Effect.acquireRelease(
    Effect.sync(() => client.producer({ allowAutoTopicCreation: false })),
    (made) => Effect.ignore(Effect.timeout(Effect.promise(() => made.disconnect()), "2 seconds"))
  )
  const connect = Effect.tryPromise(() => producer.connect())
  yield* Effect.eventually(connect)
  // kafkajs keeps a connection that has fallen silent: only a new one is sure to pass.
  const reconnect = Effect.tryPromise(() => producer.disconnect()).pipe(
    Effect.timeout("2 seconds"),
    Effect.ignore,
    Effect.andThen(Effect.eventually(Effect.delay(connect, "200 millis")))
  )
  const oneAtATime = yield* Semaphore.make(1)
  return {
    client,
    publish: (topic: string, message: Message) =>
      Effect.tryPromise(() => producer.send({ topic, acks: -1, messages: [message] })).pipe(
        Effect.timeout("5 seconds"),
        Effect.tapError(() => reconnect),
        Effect.eventually,
        oneAtATime.withPermits(1),
        Effect.asVoid
      )
  }
})

export type Publisher = Effect.Success<ReturnType<typeof publisher>>
