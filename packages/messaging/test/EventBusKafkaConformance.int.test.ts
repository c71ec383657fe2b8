import { kafkaSuite, LocalKafka } from "@g-store/local-kafka/LocalKafka.ts"
import { Effect, Layer } from "effect"
import { EventBusKafka } from "../src/kafka/EventBusKafka.ts"
import { eventBusConformance } from "./EventBusConformance.ts"

const layer = Layer.unwrap(
  Effect.map(LocalKafka, ({ brokers }) => EventBusKafka.layerWith({ brokers, sessionTimeout: "6 seconds" }))
).pipe(Layer.provide(LocalKafka.layer))

eventBusConformance("EventBusKafka", () => layer, await kafkaSuite())
