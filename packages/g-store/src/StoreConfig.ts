import { adminPort, host, httpUrl, optionalDatabaseUrlIn } from "@g-store/service-kit/ServiceConfig.ts"
import { optional, refuse, variable } from "@g-store/service-kit/Variable.ts"
import { Config, Effect, Option, Schema } from "effect"

/** The services that keep a database, with the variable that names it elsewhere than in the data folder. */
export const databaseVariables = {
  orders: "ORDERS_DATABASE_URL",
  payments: "PAYMENTS_DATABASE_URL",
  notifications: "NOTIFICATIONS_DATABASE_URL"
} as const
export type DatabaseName = keyof typeof databaseVariables
export const databaseNames: ReadonlyArray<DatabaseName> = ["orders", "payments", "notifications"]

/** Where embedded parts keep their data. */
export const dataDir = Config.String("GSTORE_DATA_DIR").pipe(Config.withDefault(".g-store"))

/** The databases that are named in the environment; the others are embedded. */
export const databaseUrls = Effect.gen(function*() {
  const urls = yield* Effect.forEach(
    databaseNames,
    (name) => Effect.map(optionalDatabaseUrlIn(databaseVariables[name]), (url) => [name, url] as const)
  )
  return urls.flatMap(([name, url]) => Option.isSome(url) ? [[name, url.value] as const] : [])
})

const kafkaBrokers = optional("KAFKA_BROKERS", { expected: "a comma list of host:port", schema: Schema.String })

/** What says how to reach Kafka, and `false` where that is the default. */
const kafkaAccess = ["KAFKA_SSL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"]

/** Whether Kafka carries the messages. How to reach it means nothing where it is not named, so somebody forgot that. */
export const onKafka = Config.flatMap(kafkaBrokers, (brokers) => {
  if (Option.isSome(brokers)) return Config.succeed(true)
  const unset = kafkaAccess.map((name) =>
    Config.mapEffect(
      optional(name, { expected: "nothing", schema: Schema.String }),
      (found) =>
        Option.isNone(found) || found.value === "false"
          ? Effect.succeed(false)
          : Effect.fail(refuse(name, "is not read without KAFKA_BROKERS: set that too, or neither"))
    )
  )
  return Config.map(Config.all(unset), () => false)
})

/** AUDIT: whether the store in one process audits itself while it runs. */
export const audited = Config.map(
  variable("AUDIT", { expected: "on or off", schema: Schema.Literals(["on", "off"]), fallback: "on" as const }),
  (value) => value === "on"
)

const port = (name: string, fallback: number) =>
  variable(name, {
    expected: "a port number from 0 to 65535",
    schema: Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65535 })),
    fallback
  })

/** GATEWAY_URL: the gateway that a demo calls, where it is not that of `npm start`. */
export const gatewayUrl = optional("GATEWAY_URL", httpUrl)

/** The addresses that people use. */
export const addresses = Config.all({
  host,
  gatewayPort: port("GATEWAY_PORT", 8080),
  webPort: port("WEB_PORT", 3000),
  adminPort
})
