import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import { makeStoreApi } from "@g-store/client/StoreApi.ts"
import * as RunningPostgres from "@g-store/postgres/RunningPostgres.ts"
import { Effect, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { freePort } from "./freePort.ts"
import { run } from "./kills/StoreProcess.ts"
import { scratchFolder } from "./scratchFolder.ts"

const store = Effect.gen(function*() {
  const dataDir = yield* scratchFolder("audit")
  const [gateway, admin, web, watch] = [yield* freePort, yield* freePort, yield* freePort, yield* freePort]
  const env = {
    GSTORE_DATA_DIR: dataDir,
    GATEWAY_PORT: String(gateway),
    ADMIN_PORT: String(admin),
    WEB_PORT: String(web),
    LOG_LEVEL: "warn",
    LOG_FORMAT: "json"
  }
  return { dataDir, env, url: `http://127.0.0.1:${gateway}`, admin, watch }
})

const get = (port: number, at: string) =>
  Effect.promise(() => fetch(`http://127.0.0.1:${port}${at}`).then((answer) => answer.text()))

/** Waits until the metrics of this port say so; the test's own limit ends a wait for ever. */
const shows = (port: number, line: string) =>
  Effect.repeat(get(port, "/metrics"), {
    until: (text) => text.includes(`${line}\n`),
    schedule: Schedule.spaced("200 millis")
  })

const violations = (count: number) => `gstore_audit_violations{invariant="balance-equals-ledger"} ${count}`

it.live(
  "tells a running store's violation by metrics and log, here and beside it, and that it is mended",
  () =>
    Effect.gen(function*() {
      const { admin, dataDir, env, url, watch } = yield* store
      const running = yield* run(["start"], env)
      yield* running.printed("g-store is ready")
      const beside = yield* run(["audit", "--watch"], { ...env, ADMIN_PORT: String(watch) })
      yield* beside.printed("watches")

      const { account } = yield* Effect.promise(async () => {
        const { accessToken } = await makeStoreApi({ baseUrl: url }).identity.token()
        const ada = makeStoreApi({ baseUrl: url, token: () => accessToken })
        const { id } = await ada.accounts.open()
        await ada.accounts.topUp(id, 10_000)
        return { account: id }
      })
      yield* shows(admin, violations(0))
      yield* shows(watch, violations(0))

      const urls = yield* RunningPostgres.attach({ dataDir, databases: ["payments"] })
      const payments = yield* Layer.build(Layer.unwrap(
        Effect.map(Effect.fromNullishOr(urls["payments"]), (named) => PgClient.layer({ url: named }))
      ))
      const balance = (value: number) =>
        Effect.flatMap(
          SqlClient.SqlClient,
          (sql) => sql`UPDATE accounts SET balance = ${value}::bigint, updated_at = now() WHERE id = ${account}::uuid`
        ).pipe(Effect.provide(payments))

      yield* balance(10_001)
      yield* shows(admin, violations(1))
      yield* shows(watch, violations(1))
      // An alert, and nothing that would take the store away from its customers.
      assert.include(yield* get(admin, "/health/ready"), "\"ready\"")
      assert.include(yield* get(watch, "/health/ready"), "\"ready\"")
      yield* running.printed(account)
      assert.match(yield* running.output, /"level":"ERROR".*"module":"audit"|"module":"audit".*"level":"ERROR"/)

      yield* balance(10_000)
      yield* shows(admin, violations(0))
      yield* shows(watch, violations(0))
      yield* beside.kill("SIGTERM")
      yield* running.kill("SIGTERM")
      assert.strictEqual(yield* running.ended, 0)

      const unaudited = yield* run(["start"], { ...env, AUDIT: "off" })
      yield* unaudited.printed("g-store is ready")
      assert.notInclude(yield* get(admin, "/metrics"), "gstore_audit")
    }).pipe(Effect.scoped),
  150_000
)

it.live("says what stands in the way of an audit", () =>
  Effect.gen(function*() {
    const nowhere = "postgres://ada:secret-word@127.0.0.1:1/orders"
    const env = { ORDERS_DATABASE_URL: nowhere, PAYMENTS_DATABASE_URL: nowhere, NOTIFICATIONS_DATABASE_URL: nowhere }
    const unreachable = yield* run(["audit"], env)
    assert.strictEqual(yield* unreachable.ended, 2)
    assert.include(yield* unreachable.output, "the orders database at 127.0.0.1:1/orders cannot be reached")
    assert.include(yield* unreachable.output, "ORDERS_DATABASE_URL")
    assert.notInclude(yield* unreachable.output, "secret-word")

    const file = path.join(yield* scratchFolder("audit"), "journal")
    yield* Effect.promise(() => fs.writeFile(file, "{\"_tag\":\"StatusChanged\"\n"))
    const torn = yield* run(["audit", "--journal", file], env)
    assert.strictEqual(yield* torn.ended, 2)
    assert.include(yield* torn.output, `the journal ${file} cannot be read, line 1 is no entry`)

    const unknown = yield* run(["audit", "--journals", "x"], env)
    assert.strictEqual(yield* unknown.ended, 2)
    assert.include(yield* unknown.output, "--journal")

    const both = yield* run(["audit", "--watch", "--json"], env)
    assert.strictEqual(yield* both.ended, 2)
    assert.include(yield* both.output, "--json")
  }).pipe(Effect.scoped), 60_000)
