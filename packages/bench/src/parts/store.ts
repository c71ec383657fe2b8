import { Effect, Redacted, Schedule } from "effect"
import { fileURLToPath } from "node:url"
import { openAccounts, signIn } from "../Customers.ts"
import { clientOf, freePort, Ground } from "../Ground.ts"
import type { Side } from "../Measured.ts"
import type { Options } from "../Options.ts"
import { program } from "../Program.ts"

const file = fileURLToPath(import.meta.resolve("@g-store/g-store/main.ts"))

/** The whole store in one process. */
export interface Store {
  readonly side: Side
  readonly gateway: string
  /** Orders that wait for their payment. */
  readonly backlog: Effect.Effect<number>
  /** Done once no order waits any more. */
  readonly drained: Effect.Effect<void>
  /** Transactions that its databases have committed so far. */
  readonly transactions: Effect.Effect<number>
  /** Runs one of the store's own commands on it, and gives what it printed. */
  readonly command: (...args: ReadonlyArray<string>) => Effect.Effect<string>
}

const SERVICES = ["orders", "payments", "notifications"] as const

/** The databases of a store, by a name that tells it from another one. */
export const storeDatabases = Effect.fnUntraced(function*(name: string) {
  const { database } = yield* Ground
  const [orders, payments, notifications] = yield* Effect.forEach(SERVICES, (one) => database(`${name}_${one}`))
  if (orders === undefined || payments === undefined || notifications === undefined) {
    return yield* Effect.die(new Error("three databases were asked for"))
  }
  return { orders, payments, notifications }
})

/** Starts it as `npm start` does, on databases of the ground's server; its log goes to a file. */
export const startStore = Effect.fnUntraced(function*(
  name: string,
  { profile }: Pick<Options, "profile">,
  audit: "on" | "off" = "on"
) {
  const ground = yield* Ground
  const urls = yield* storeDatabases(name)
  const port = yield* freePort
  const gateway = `http://127.0.0.1:${port}`
  const env = {
    GSTORE_DATA_DIR: `${ground.folder}/store-${name}`,
    ORDERS_DATABASE_URL: Redacted.value(urls.orders),
    PAYMENTS_DATABASE_URL: Redacted.value(urls.payments),
    NOTIFICATIONS_DATABASE_URL: Redacted.value(urls.notifications),
    GATEWAY_PORT: String(port),
    ADMIN_PORT: String(yield* freePort),
    WEB_PORT: String(yield* freePort),
    LOG_FORMAT: "json",
    AUDIT: audit
  }
  const flags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const server = yield* program({ args: [...flags, file, "start"], env, log: `${ground.folder}/${name}.log` })
  yield* server.printed("g-store is ready")
  const identities = yield* signIn(gateway)
  yield* openAccounts(gateway, identities)
  const sql = yield* clientOf(urls.orders)
  const backlog = sql<{ count: bigint }>`SELECT count(*) AS count FROM orders WHERE status = 'PENDING'`.pipe(
    Effect.map(([row]) => Number(row?.count ?? 0)),
    Effect.orDie
  )
  return {
    gateway,
    side: { name, pid: server.pid, port, path: "/api/orders/v1/orders", identities },
    backlog,
    drained: backlog.pipe(
      Effect.repeat({ until: (waiting) => waiting === 0, schedule: Schedule.spaced("10 millis") }),
      Effect.asVoid
    ),
    transactions: sql<{ count: bigint }>`
      SELECT sum(xact_commit)::bigint AS count FROM pg_stat_database WHERE datname LIKE ${`${name}\\_%`}`.pipe(
      Effect.map(([row]) => Number(row?.count ?? 0)),
      Effect.orDie
    ),
    command: (...args) =>
      program({ args: [file, ...args], env: env }).pipe(
        Effect.flatMap(({ output }) => output),
        Effect.scoped,
        Effect.orDie
      )
  } satisfies Store
})
