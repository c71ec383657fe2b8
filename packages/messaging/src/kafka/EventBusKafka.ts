import { type Config, Effect, Layer } from "effect"
import { EventBus } from "../EventBus.ts"
import { kafkaConfig, type KafkaOptions } from "./KafkaOptions.ts"
import { subscribe } from "./Member.ts"
import { makePublisher } from "./Publisher.ts"
import { makeTopics } from "./Topics.ts"

/**
 * The bus between processes. Building it needs no broker: publishing fails and subscriptions wait until there is one, so
 * that a service starts, and takes orders into its outbox, while Kafka is away.
 */
const layerWith = (options: KafkaOptions): Layer.Layer<EventBus> =>
  Layer.effect(
    EventBus,
    Effect.gen(function*() {
      const topics = yield* makeTopics(options)
      const publish = yield* makePublisher(options, topics)
      return EventBus.of({
        publish,
        subscribe: (subscription) => subscribe(options, topics, subscription)
      })
    })
  )

export const EventBusKafka: {
  readonly layerWith: (options: KafkaOptions) => Layer.Layer<EventBus>
  /** As the environment says: KAFKA_BROKERS, KAFKA_SSL, KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD. */
  readonly layer: Layer.Layer<EventBus, Config.ConfigError>
} = {
  layerWith,
  layer: Layer.unwrap(Effect.gen(function*() {
    return layerWith(yield* kafkaConfig)
  }))
}
