import { Config, ConfigProvider, Context, Effect, Layer, Option, Result } from "effect"
import { type KafkaMissing, kafkaMissing } from "./KafkaMissing.ts"

export { KafkaMissing } from "./KafkaMissing.ts"
export { type OwnKafka, ownKafka, ownKafkaBehind } from "./OwnKafka.ts"

/** Names the environment variable in which vitest.ts tells the workers where to ask for the run's broker. */
export const ASK = "LOCAL_KAFKA_URL"

// Read from the process itself, since tests replace the ConfigProvider.
const env = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.option(Config.String(name)).parse(ConfigProvider.fromEnv()).pipe(Effect.orDie)

const split = (text: string): ReadonlyArray<string> => text.split(",").map((part) => part.trim())

/** The answer of vitest.ts: the addresses of the run's broker, or why there is none. */
export type Answer = { readonly brokers: ReadonlyArray<string> } | { readonly missing: string }

const isAnswer = (json: unknown): json is Answer =>
  typeof json === "object" && json !== null && ("brokers" in json || "missing" in json)

/** The broker of the whole run, started when the first test asks for one; or the one that KAFKA_BROKERS names. */
const findBrokers: Effect.Effect<ReadonlyArray<string>, KafkaMissing> = Effect.gen(function*() {
  const named = yield* env("KAFKA_BROKERS")
  if (Option.isSome(named)) return split(named.value)
  const ask = yield* env(ASK)
  if (Option.isNone(ask)) {
    return yield* Effect.die(
      `${ASK} is not set: run the tests with \`vitest run --config vitest.workspace.ts\`, which starts a broker for them, ` +
        "or set KAFKA_BROKERS."
    )
  }
  const answer = yield* Effect.promise(() => fetch(ask.value).then((response) => response.json()))
  if (!isAnswer(answer)) return yield* Effect.die(`${ask.value} answered ${JSON.stringify(answer)}`)
  return "brokers" in answer
    ? answer.brokers
    : yield* kafkaMissing(answer.missing.replace(/^kafka: /, ""))
})

/** A real Apache Kafka for tests. One broker serves a whole run: let each test use topics and groups of its own. */
export class LocalKafka extends Context.Service<LocalKafka, {
  /** `host:port`, as KAFKA_BROKERS lists them. */
  readonly brokers: ReadonlyArray<string>
}>()("@g-store/local-kafka/LocalKafka") {
  static readonly layer: Layer.Layer<LocalKafka, KafkaMissing> = Layer.effect(
    LocalKafka,
    Effect.map(findBrokers, (brokers) => LocalKafka.of({ brokers }))
  )
}

/** Options of `describe`: whether its tests are skipped, and why. */
export interface SuiteOptions {
  readonly skip: boolean
  readonly meta: { readonly skipped?: string }
}

const suite = (reason: string | undefined): SuiteOptions =>
  reason === undefined ? { skip: false, meta: {} } : { skip: true, meta: { skipped: reason } }

/** `describe(name, await kafkaSuite(), ...)`: tests that need a broker. */
export const kafkaSuite = async (): Promise<SuiteOptions> => {
  const found = await Effect.runPromise(Effect.result(findBrokers))
  return suite(Result.isFailure(found) ? found.failure.message : undefined)
}

/** As `kafkaSuite`, for tests that stop brokers of their own: not where somebody named the ones to use. */
export const ownKafkaSuite = async (): Promise<SuiteOptions> => {
  const named = await Effect.runPromise(env("KAFKA_BROKERS"))
  return Option.isSome(named)
    ? suite("kafka: this test stops its broker, which it will not do to the one of KAFKA_BROKERS")
    : kafkaSuite()
}
