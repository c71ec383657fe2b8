import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { kafkaConfig } from "../src/kafka/KafkaOptions.ts"

const parse = (env: Record<string, string>) => kafkaConfig.parse(ConfigProvider.fromUnknown(env))

describe("kafkaConfig", () => {
  it.effect("reads brokers alone", () =>
    Effect.gen(function*() {
      const options = yield* parse({ KAFKA_BROKERS: "one:9092, two:9093,", KAFKA_SSL: "", KAFKA_SASL_MECHANISM: "" })
      assert.deepStrictEqual(options, { brokers: ["one:9092", "two:9093"], ssl: false, sasl: undefined })
    }))

  it.effect("reads TLS and credentials", () =>
    Effect.gen(function*() {
      const { sasl, ssl } = yield* parse({
        KAFKA_BROKERS: "one:9092",
        KAFKA_SSL: "true",
        KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
        KAFKA_SASL_USERNAME: "me",
        KAFKA_SASL_PASSWORD: "secret"
      })
      assert.isTrue(ssl)
      assert.strictEqual(sasl?.mechanism, "scram-sha-512")
      assert.strictEqual(sasl?.password === undefined ? "" : Redacted.value(sasl.password), "secret")
      assert.notInclude(JSON.stringify(sasl), "secret")
    }))

  const brokers = { KAFKA_BROKERS: "one:9092" }
  const mistakes: ReadonlyArray<readonly [Record<string, string>, named: string, found: string]> = [
    [{}, "KAFKA_BROKERS", "found nothing"],
    [{ KAFKA_BROKERS: "one" }, "KAFKA_BROKERS", "found \"one\""],
    [{ KAFKA_BROKERS: "one:99999" }, "KAFKA_BROKERS", "found \"one:99999\""],
    [{ KAFKA_BROKERS: "http://one:1" }, "KAFKA_BROKERS", "host:port"],
    [{ ...brokers, KAFKA_SSL: "yes" }, "KAFKA_SSL", "expected true or false, found \"yes\""],
    [{ ...brokers, KAFKA_SASL_MECHANISM: "kerberos" }, "KAFKA_SASL_MECHANISM", "scram-sha-256"],
    [{ ...brokers, KAFKA_SASL_USERNAME: "me" }, "KAFKA_SASL_MECHANISM", "found nothing"],
    [{ ...brokers, KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_PASSWORD: "secret" }, "KAFKA_SASL_USERNAME", "nothing"],
    [{ ...brokers, KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "me" }, "KAFKA_SASL_PASSWORD", "nothing"]
  ]
  it.effect.each(mistakes)("says what is wrong with %o", ([env, named, found]) =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(parse(env))
      assert.include(message, named)
      assert.include(message, found)
      assert.notInclude(message, "secret")
    }))
})
