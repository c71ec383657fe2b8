import { Config, Effect, Option } from "effect"

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
  const urls = yield* Effect.forEach(databaseNames, (name) =>
    Effect.map(Config.Redacted(databaseVariables[name]).pipe(Config.option), (url) => [name, url] as const))
  return urls.flatMap(([name, url]) => Option.isSome(url) ? [[name, url.value] as const] : [])
})

/** The addresses that people use. */
export const addresses = Config.all({
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  gatewayPort: Config.Port("GATEWAY_PORT").pipe(Config.withDefault(8080)),
  webPort: Config.Port("WEB_PORT").pipe(Config.withDefault(3000)),
  adminPort: Config.Port("ADMIN_PORT").pipe(Config.withDefault(9464))
})
