import { assert, describe, it } from "@effect/vitest"
import { ownServer, testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { testProxy } from "@g-store/postgres/TestProxy.ts"
import { Duration, Effect, Fiber, Latch, Layer, Logger, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { connect, createServer } from "node:net"
import { database } from "../src/Database.ts"
import { databaseHealth, Health } from "../src/Health.ts"
import { migrate } from "../src/Migrations.ts"

const setting = (name: string) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const [row] = yield* sql<{ value: string }>`SELECT current_setting(${name}) AS value`
    return row?.value
  })

describe("A service's database", () => {
  it.live("is used under the service's name, with bounded statements, locks and idle transactions", () =>
    Effect.gen(function*() {
      const url = yield* testDatabaseUrl
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* setting("application_name"), "order-service")
        assert.strictEqual(yield* setting("statement_timeout"), "10s")
        assert.strictEqual(yield* setting("lock_timeout"), "8s")
        assert.strictEqual(yield* setting("idle_in_transaction_session_timeout"), "15s")
      }).pipe(Effect.provide(database({ url, applicationName: "order-service" })))
    }).pipe(Effect.scoped))

  it.live("is waited for when it is not there yet, which the log says without the password", () =>
    Effect.gen(function*() {
      const url = new URL(Redacted.value(yield* testDatabaseUrl))
      const password = "hunter2"
      // A port that refuses until a server is put behind it.
      const gate = createServer()
      const port = yield* Effect.callback<number>((resume) => {
        const probe = createServer()
        probe.listen(0, "127.0.0.1", () => {
          const address = probe.address()
          const free = typeof address === "object" && address !== null ? address.port : 0
          probe.close(() => resume(Effect.succeed(free)))
        })
      })
      const late = new URL(url)
      late.port = String(port)
      if (late.password === "") late.password = password
      const lines: Array<string> = []
      const said = yield* Latch.make()
      const log = Logger.layer([Logger.make<unknown, void>(({ message }) => {
        lines.push(String(message))
        Latch.openUnsafe(said)
      })])
      const starting = yield* Effect.forkChild(
        Layer.build(database({ url: Redacted.make(late.href), applicationName: "late" }).pipe(Layer.provide(log)))
      )
      yield* Latch.await(said)
      assert.include(lines[0], `waiting for the database 127.0.0.1:${port}`)
      assert.notInclude(lines.join(), late.password)
      assert.isUndefined(starting.pollUnsafe())
      yield* forwarding(gate, port, url)
      yield* Fiber.join(starting)
    }).pipe(Effect.scoped))

  it.live("is what readiness asks for: away 503, back ready", () =>
    Effect.gen(function*() {
      const server = yield* ownServer
      const context = yield* Layer.build(
        databaseHealth("orders").pipe(
          Layer.provideMerge(Health.layer),
          Layer.provide(database({ url: server.url, applicationName: "order-service" }))
        )
      )
      const health = yield* Effect.provideContext(Health, context)
      yield* health.started
      assert.deepStrictEqual(yield* health.readiness, { status: "ready", reasons: [] })
      yield* server.stop
      assert.deepStrictEqual(yield* health.readiness, {
        status: "unready",
        reasons: ["database orders: cannot be reached"]
      })
      yield* server.start
      yield* health.readiness.pipe(Effect.repeat({ until: ({ status }) => status === "ready" }))
    }).pipe(Effect.scoped))

  it.live("gives up connections that fall silent, with what waits on them, and goes on with others", () =>
    Effect.gen(function*() {
      const { proxy, url } = yield* proxied
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Effect.all(Array.from({ length: 3 }, () => sql`SELECT 1`), { concurrency: "unbounded" })
        assert.isAbove(yield* proxy.silence(), 0)
        const unheard = yield* Effect.flip(sql`SELECT 1`)
        assert.strictEqual(unheard.reason._tag, "ConnectionError")
        // Another one of them may be met first, not yet given up.
        assert.deepStrictEqual(yield* Effect.eventually(sql`SELECT 1 AS one`), [{ one: 1 }])

        const inTransaction = yield* Effect.exit(
          sql.withTransaction(Effect.andThen(sql`SELECT 1`, Effect.andThen(proxy.silence(), sql`SELECT 2`)))
        )
        assert.include(String(inTransaction), "ConnectionError")
        assert.deepStrictEqual(yield* Effect.eventually(sql`SELECT 1 AS one`), [{ one: 1 }])
      }).pipe(Effect.provide(database({ url, applicationName: "patient", silence: Duration.millis(400) })))
    }).pipe(Effect.scoped))

  it.live("waits for a migration, however long that says nothing", () =>
    Effect.gen(function*() {
      const url = yield* testDatabaseUrl
      const applied = yield* migrate({
        "0001_slow": Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT pg_sleep(1.5)`)
      }).pipe(Effect.provide(database({ url, applicationName: "patient", silence: Duration.millis(200) })))
      assert.lengthOf(applied, 1)
    }).pipe(Effect.scoped))
})

/** A database behind a network that can be broken. */
const proxied = Effect.gen(function*() {
  const url = new URL(Redacted.value(yield* testDatabaseUrl))
  const proxy = yield* testProxy(Number(url.port))
  url.port = String(proxy.port)
  url.hostname = "127.0.0.1"
  return { proxy, url: Redacted.make(url.href) }
})

/** Passes connections of `port` on to the server of `url`. */
const forwarding = (gate: ReturnType<typeof createServer>, port: number, url: URL) =>
  Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      gate.on("connection", (socket) => {
        const up = connect(Number(url.port), url.hostname)
        socket.pipe(up).pipe(socket)
        for (const end of [socket, up]) end.on("error", () => end.destroy())
      })
      gate.listen(port, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.sync(() => gate.close())
  )
