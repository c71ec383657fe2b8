import { assert, describe, it } from "@effect/vitest"
import { testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { Effect, Redacted } from "effect"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { freePort } from "./freePort.ts"
import { run } from "./kills/StoreProcess.ts"

const packages = path.join(import.meta.dirname, "../..")
const ada = "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10"

const folder = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(path.join(tmpdir(), "g-store-service-"))),
  (made) => Effect.promise(() => fs.rm(made, { recursive: true, force: true }))
)

/** A service as a process of its own, with nothing set but what is named here; `http` and `admin` are its addresses. */
const started = Effect.fnUntraced(function*(service: string, env: Readonly<Record<string, string>>) {
  const [http, admin] = [yield* freePort, yield* freePort]
  const child = yield* run([], {
    HTTP_PORT: String(http),
    ADMIN_PORT: String(admin),
    DATABASE_URL: "",
    KAFKA_BROKERS: "127.0.0.1:1",
    AUTH_MODE: "trusted-header",
    LOG_LEVEL: "info",
    ...env
  }, { file: path.join(packages, service, "src/main.ts") })
  return { child, http: `http://127.0.0.1:${http}`, admin: `http://127.0.0.1:${admin}` }
})

const ask = (url: string, method = "GET", body?: string) =>
  Effect.promise(async () => {
    const headers = { "x-user-id": ada, "content-type": "application/json" }
    const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
    return { status: response.status, body: await response.json() }
  })

/** For each service, what it does first of all: a call, and what is in the answer. */
const services: Readonly<Record<string, (http: string) => Effect.Effect<void>>> = {
  "order-service": Effect.fnUntraced(function*(http) {
    const created = yield* ask(`${http}/v1/orders`, "POST", "{\"amount\":1500}")
    assert.strictEqual(created.status, 201)
    const read = yield* ask(`${http}/v1/orders/${created.body.orderId}`)
    assert.deepInclude(read.body, { id: created.body.orderId, status: "PENDING", amount: 1500 })
  }),
  "payment-service": Effect.fnUntraced(function*(http) {
    const opened = yield* ask(`${http}/v1/accounts`, "POST")
    assert.strictEqual(opened.status, 201)
    assert.deepInclude((yield* ask(`${http}/v1/accounts/me`)).body, { id: opened.body.id, userId: ada, balance: 0 })
  }),
  "order-notification-service": Effect.fnUntraced(function*(http) {
    assert.strictEqual((yield* ask(`${http}/v1/orders/${ada}/events`)).status, 404)
  }),
  "identity-service": Effect.fnUntraced(function*(http) {
    assert.deepInclude((yield* ask(`${http}/v1/token`, "POST", `{"userId":"${ada}"}`)).body, { userId: ada })
  })
}

describe.each(Object.entries(services))("%s by itself", (service, works) => {
  it.live("works on an empty database while Kafka is away, and stops when it is told to", () =>
    Effect.gen(function*() {
      const { admin, child, http } = yield* started(service, {
        IDENTITY_DATA_DIR: yield* folder,
        ...(service === "identity-service" ? {} : { DATABASE_URL: Redacted.value(yield* testDatabaseUrl) })
      })
      yield* child.printed(`listening on ${http}`)
      yield* works(http)
      assert.strictEqual((yield* ask(`${http}/openapi.json`)).body.openapi.slice(0, 3), "3.1")
      assert.strictEqual((yield* ask(`${admin}/health/live`)).status, 200)
      yield* child.kill("SIGTERM")
      assert.strictEqual(yield* child.ended, 0)
    }), 60_000)
})

describe.each(Object.keys(services).filter((name) => name !== "identity-service"))("%s by itself", (service) => {
  it.live("says which variable is missing, and ends", () =>
    Effect.gen(function*() {
      const { child } = yield* started(service, {})
      assert.strictEqual(yield* child.ended, 1)
      assert.match(yield* child.output, /^DATABASE_URL: expected .*$/m)
    }), 60_000)
})

describe("identity-service by itself", () => {
  it.live("neither listens nor makes a key where other machines would reach it", () =>
    Effect.gen(function*() {
      const keys = path.join(yield* folder, "keys")
      const { child } = yield* started("identity-service", { GSTORE_BIND: "0.0.0.0", IDENTITY_DATA_DIR: keys })
      assert.strictEqual(yield* child.ended, 1)
      assert.match(yield* child.output, /^GSTORE_BIND: expected a loopback address.*\n$/)
      assert.isFalse(yield* Effect.promise(() => fs.access(keys).then(() => true, () => false)))
    }), 60_000)
})

it.live(
  "The store in one process says that it is ready once every line about listening is out",
  () =>
    Effect.gen(function*() {
      const [gateway, admin, web] = [yield* freePort, yield* freePort, yield* freePort]
      const child = yield* run(["start"], {
        GSTORE_DATA_DIR: yield* folder,
        GATEWAY_PORT: String(gateway),
        ADMIN_PORT: String(admin),
        WEB_PORT: String(web),
        LOG_LEVEL: "info",
        DATABASE_URL: "postgres://user:secret@localhost/elsewhere"
      })
      yield* child.printed("g-store is ready")
      const [before = "", after = ""] = (yield* child.output).split("g-store is ready")
      assert.lengthOf(before.match(/listening on/g) ?? [], 3)
      assert.notInclude(after, "listening on")
      assert.match(before, /WARN +DATABASE_URL is not read here/)
      // An OPTIONS that is no preflight is the service's to answer.
      const options = yield* Effect.promise(() =>
        fetch(`http://127.0.0.1:${gateway}/api/orders/v1/orders`, { method: "OPTIONS" })
      )
      assert.strictEqual(options.headers.get("allow"), "POST, GET, HEAD, OPTIONS")
    }),
  60_000
)
