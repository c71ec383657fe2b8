import { assert, describe, it } from "@effect/vitest"
import { configLine } from "@g-store/service-kit/Variable.ts"
import { type Config, ConfigProvider, Effect } from "effect"
import { onKafka } from "../src/StoreConfig.ts"

const read = <A>(config: Config.Config<A>, env: Record<string, string>) => config.parse(ConfigProvider.fromEnv({ env }))
const lineOf = <A>(config: Config.Config<A>, env: Record<string, string>) =>
  Effect.map(Effect.flip(read(config, env)), configLine)

describe("The bus", () => {
  it.effect("is Kafka where that is named; blank is unset", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* read(onKafka, { KAFKA_BROKERS: "one:9092", KAFKA_SSL: "true" }))
      assert.isFalse(yield* read(onKafka, {}))
      assert.isFalse(yield* read(onKafka, { KAFKA_BROKERS: "", KAFKA_SSL: "", KAFKA_SASL_MECHANISM: " " }))
      assert.isFalse(yield* read(onKafka, { KAFKA_BROKERS: "   ", KAFKA_SSL: "false" }))
    }))

  it.effect("is not chosen by how to reach Kafka: somebody forgot to name it", () =>
    Effect.gen(function*() {
      const variables = {
        KAFKA_SSL: "true",
        KAFKA_SASL_MECHANISM: "plain",
        KAFKA_SASL_USERNAME: "me",
        KAFKA_SASL_PASSWORD: "hunter2"
      }
      for (const [name, value] of Object.entries(variables)) {
        const line = yield* lineOf(onKafka, { [name]: value, KAFKA_BROKERS: " " })
        assert.strictEqual(line, `${name}: is not read without KAFKA_BROKERS: set that too, or neither`)
      }
    }))
})
