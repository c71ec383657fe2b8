import { Config, type Duration, Effect, Option, Redacted, Schema, SchemaIssue } from "effect"

const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const

export interface Sasl {
  readonly mechanism: typeof MECHANISMS[number]
  readonly username: string
  readonly password: Redacted.Redacted
}

/** How to reach Kafka, and what to make of it. */
export interface KafkaOptions {
  /** `host:port` of some brokers; they name the others. */
  readonly brokers: ReadonlyArray<string>
  /** TLS with the certificates that Node trusts; off if absent. */
  readonly ssl?: boolean | undefined
  readonly sasl?: Sasl | undefined
  /** Partitions of a topic that is missing and so created here; 6 if absent. Copies are the brokers' default. */
  readonly partitions?: number | undefined
  /** A member that is silent for so long loses its partitions; 10 s if absent. It tells of itself five times as often. */
  readonly sessionTimeout?: Duration.Input | undefined
  /** A subscription that can fetch nothing for so long fails, and its supervisor builds it anew; 60 s if absent. */
  readonly groupTimeout?: Duration.Input | undefined
}

const refuse = (name: string, message: string) =>
  new Config.ConfigError(
    new Schema.SchemaError(new SchemaIssue.Pointer([name], new SchemaIssue.InvalidValue({ message })))
  )

/** Empty counts as absent: compose files pass unset variables on as empty ones. */
const read = (name: string): Config.Config<string | undefined> =>
  Config.option(Config.String(name)).pipe(
    Config.map((found) => Option.getOrElse(found, () => "").trim()),
    Config.map((text) => text === "" ? undefined : text)
  )

// No IPv6 literals: kafkajs takes everything behind the first colon for the port.
const isAddress = (text: string): boolean => /^[^\s:/]+:\d{1,5}$/.test(text) && Number(text.split(":")[1]) <= 65_535

const brokers = Config.mapEffect(read("KAFKA_BROKERS"), (text) => {
  const list = (text ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "")
  const wrong = list.find((part) => !isAddress(part))
  if (list.length > 0 && wrong === undefined) return Effect.succeed(list)
  const found = wrong === undefined ? "nothing" : JSON.stringify(wrong)
  return Effect.fail(refuse("KAFKA_BROKERS", `expected a comma list of host:port, found ${found}`))
})

const ssl = Config.mapEffect(read("KAFKA_SSL"), (text) =>
  text === undefined || text === "false"
    ? Effect.succeed(false)
    : text === "true"
    ? Effect.succeed(true)
    : Effect.fail(refuse("KAFKA_SSL", `expected true or false, found ${JSON.stringify(text)}`)))

const saslMechanism = Config.mapEffect(read("KAFKA_SASL_MECHANISM"), (text) => {
  const known = MECHANISMS.find((name) => name === text?.toLowerCase())
  return text === undefined || known !== undefined
    ? Effect.succeed(known)
    : Effect.fail(
      refuse("KAFKA_SASL_MECHANISM", `expected one of ${MECHANISMS.join(", ")}, found ${JSON.stringify(text)}`)
    )
})

const sasl = Config.mapEffect(
  Config.all({
    mechanism: saslMechanism,
    username: read("KAFKA_SASL_USERNAME"),
    password: read("KAFKA_SASL_PASSWORD")
  }),
  ({ mechanism, password, username }): Effect.Effect<Sasl | undefined, Config.ConfigError> => {
    if (mechanism === undefined) {
      return username === undefined && password === undefined
        ? Effect.succeed(undefined)
        : Effect.fail(refuse(
          "KAFKA_SASL_MECHANISM",
          `expected one of ${MECHANISMS.join(", ")} beside KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, found nothing`
        ))
    }
    if (username === undefined) {
      return Effect.fail(refuse("KAFKA_SASL_USERNAME", "expected a user name for KAFKA_SASL_MECHANISM, found nothing"))
    }
    if (password === undefined) {
      return Effect.fail(refuse("KAFKA_SASL_PASSWORD", "expected a password for KAFKA_SASL_MECHANISM, found nothing"))
    }
    return Effect.succeed({ mechanism, username, password: Redacted.make(password) })
  }
)

/** KAFKA_BROKERS, KAFKA_SSL and KAFKA_SASL_MECHANISM, _USERNAME, _PASSWORD. */
export const kafkaConfig: Config.Config<KafkaOptions> = Config.all({ brokers, ssl, sasl })
