import { Effect, Redacted } from "effect"
import { fileURLToPath } from "node:url"
import { signIn } from "../Customers.ts"
import { freePort, Ground } from "../Ground.ts"
import type { Side } from "../Measured.ts"
import type { Options } from "../Options.ts"
import { program } from "../Program.ts"

const file = fileURLToPath(import.meta.resolve("../servers/orders.ts"))

/** order-service on a database of its own, its log in a file as a container's is. */
export const ordersServer = Effect.fnUntraced(function*(database: string, { profile }: Pick<Options, "profile">) {
  const ground = yield* Ground
  const port = yield* freePort
  const flags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const server = yield* program({
    args: [...flags, file],
    log: `${ground.folder}/${database}.log`,
    env: {
      DATABASE_URL: Redacted.value(yield* ground.database(database)),
      HTTP_PORT: String(port),
      ADMIN_PORT: String(yield* freePort),
      KEYS_DIR: `${ground.folder}/keys-${database}`,
      LOG_FORMAT: "json"
    }
  })
  yield* server.printed(`listening on http://127.0.0.1:${port}`)
  return {
    name: "ours",
    pid: server.pid,
    port,
    path: "/v1/orders",
    identities: yield* signIn(`http://127.0.0.1:${port}`)
  } satisfies Side
})
