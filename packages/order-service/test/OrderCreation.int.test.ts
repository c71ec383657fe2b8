import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { type IdempotencyKey, KeyReused } from "@g-store/messaging/Idempotency.ts"
import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { sqlState } from "@g-store/messaging/postgres/Postgres.ts"
import { testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { Array, Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Schedule, type Scope } from "effect"
import { OrderRepository } from "../src/application/OrderRepository.ts"
import { cuttingProxy } from "./cuttingProxy.ts"
import { created, orderId } from "./fixtures.ts"
import { outbox, StoreOnPostgres } from "./stores.ts"

const key = (name: string, hash = "body"): IdempotencyKey => ({
  scope: "customer:ada POST /v1/orders",
  key: name,
  hash
})
const bad = (n: number) => created(n, undefined, { description: "x".repeat(501) })

/** Two replicas of the repository, one database; `sql` and `admin` go there directly, `proxied` through the proxy. */
const started = Effect.gen(function*() {
  const url = yield* testDatabaseUrl
  const proxy = yield* cuttingProxy(url)
  const admin = yield* Layer.build(StoreOnPostgres.pipe(Layer.provideMerge(PgClient.layer({ url, maxConnections: 8 }))))
  const repository = (through: typeof url) =>
    Effect.map(
      Layer.build(
        Layer.fresh(StoreOnPostgres).pipe(
          // Through the proxy as in production: statements of many requests share a connection, and break together.
          Layer.provide(PgClient.layer({ url: through, maxConnections: 4, multiplex: through !== url }))
        )
      ),
      (context) => ({ ...Context.get(context, OrderRepository), store: Context.get(context, OutboxStore) })
    )
  const sql = Context.get(admin, PgClient.PgClient)
  return {
    sql,
    proxy,
    direct: yield* repository(url),
    other: yield* repository(url),
    proxied: yield* repository(proxy.url)
  }
})

const proves = (
  sentence: string,
  test: (world: Effect.Success<typeof started>) => Effect.Effect<void, unknown, Scope.Scope>
) => it.live(sentence, () => Effect.flatMap(started, test).pipe(Effect.provide(Logger.layer([]))))

type World = Effect.Success<typeof started>

/** How many backends wait for a lock. */
const waiting = ({ sql }: World, atLeast: number) =>
  sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.pipe(
    Effect.repeat({ until: (rows) => rows.length >= atLeast, schedule: Schedule.spaced("5 millis") })
  )

/** Keeps everybody from writing orders until `release`. */
const locked = Effect.fnUntraced(function*({ sql }: World) {
  const taken = yield* Deferred.make<void>()
  const over = yield* Deferred.make<void>()
  const fiber = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function*() {
    yield* sql`LOCK TABLE orders IN EXCLUSIVE MODE`
    yield* Deferred.succeed(taken, undefined)
    yield* Deferred.await(over)
  })))
  yield* Deferred.await(taken)
  return { release: Effect.andThen(Deferred.succeed(over, undefined), Fiber.join(fiber)) }
})

/** Adds that all go into one batch: both lanes are held up while they arrive. */
const together = Effect.fnUntraced(function*(
  world: World,
  adds: ReadonlyArray<ReturnType<OrderRepository["Service"]["add"]>>
) {
  const lock = yield* locked(world)
  const lanes = yield* Effect.forEach(
    [1001, 1002],
    (n, i) => Effect.tap(Effect.forkChild(world.direct.add(created(n))), () => waiting(world, i + 1))
  )
  const fibers = yield* Effect.forEach(adds, (add) => Effect.forkChild(add, { startImmediately: true }))
  yield* lock.release
  yield* Effect.forEach(lanes, Fiber.join)
  return yield* Effect.forEach(fibers, Fiber.await)
})

/** Order ids by table, without those that held up the lanes. */
const stored = Effect.fnUntraced(function*({ direct, sql }: World) {
  const ids = <A extends { readonly id: string }>(rows: ReadonlyArray<A>) =>
    rows.map(({ id }) => id).filter((id) => id !== orderId(1001) && id !== orderId(1002)).toSorted()
  const messages = yield* Effect.provideService(outbox, OutboxStore, direct.store)
  return {
    orders: ids(yield* sql<{ id: string }>`SELECT id FROM orders`),
    history: ids(yield* sql<{ id: string }>`SELECT order_id AS id FROM order_history`),
    messages: ids(messages.map(({ message }) => ({ id: message.key })))
  }
})
const exactly = (...numbers: ReadonlyArray<number>) => {
  const ids = numbers.map(orderId)
  return { orders: ids, history: ids, messages: ids }
}
const failureOf = (exit: Exit.Exit<unknown, unknown> | undefined) =>
  exit === undefined || Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause)
const success = (n: number, replayed = false) => Exit.succeed({ orderId: orderId(n), replayed })

describe("a batch of creates", () => {
  proves("is one commit of orders, history, messages and keys", (world) =>
    Effect.gen(function*() {
      const numbers = Array.makeBy(50, (n) => n + 1)
      const xid = Effect.map(world.sql<{ n: bigint }>`SELECT count(DISTINCT xmin::text) AS n FROM orders`, ([row]) =>
        row?.n)
      const exits = yield* together(
        world,
        numbers.map((n) =>
          world.direct.add(created(n), key(`k${n}`))
        )
      )
      assert.deepStrictEqual(exits, numbers.map((n) => success(n)))
      assert.deepStrictEqual(yield* stored(world), exactly(...numbers))
      assert.strictEqual(yield* xid, 3n)
    }))

  proves(
    "stores the first use of a key, and gives the others its order or 'reused'",
    (world) =>
      Effect.gen(function*() {
        const { add } = world.direct
        const exits = yield* together(world, [
          add(created(1), key("a")),
          add(created(2), key("a")),
          add(created(3)),
          add(created(4), key("a", "another body")),
          add(created(5), key("b")),
          add(created(6), { ...key("a"), scope: "customer:bob POST /v1/orders" })
        ])
        const [reused, ...others] = [exits[3], ...exits.slice(0, 3), ...exits.slice(4)]
        assert.deepStrictEqual(others, [success(1), success(1, true), success(3), success(5), success(6)])
        assert.deepStrictEqual(failureOf(reused), new KeyReused({ key: "a" }))
        assert.deepStrictEqual(yield* stored(world), exactly(1, 3, 5, 6))
      })
  )

  proves(
    "loses only its bad rows, and a key whose first use was bad goes to the next",
    (world) =>
      Effect.gen(function*() {
        const { add } = world.direct
        const exits = yield* together(world, [
          add(created(1)),
          add(bad(2), key("k")),
          add(created(3), key("k")),
          add(bad(4)),
          add(created(5), key("k"))
        ])
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true, false, true])
        assert.deepStrictEqual([exits[2], exits[4]], [success(3), success(3, true)])
        for (const exit of [exits[1], exits[3]]) assert.strictEqual(sqlState(failureOf(exit)), "23514")
        assert.deepStrictEqual(yield* stored(world), exactly(1, 3))
      })
  )

  proves("is not harmed by a caller who leaves", (world) =>
    Effect.gen(function*() {
      const { add } = world.direct
      const lock = yield* locked(world)
      const first = yield* Effect.forkChild(add(created(1)))
      yield* waiting(world, 1)
      const second = yield* Effect.forkChild(add(created(2)))
      yield* waiting(world, 2)
      const third = yield* Effect.forkChild(add(created(3)), { startImmediately: true })
      const fourth = yield* Effect.forkChild(add(created(4)), { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* Fiber.interrupt(third)
      yield* lock.release
      yield* Fiber.join(second)
      yield* Fiber.join(fourth)
      yield* waitingForNobody(world)
      assert.deepStrictEqual(yield* stored(world), exactly(1, 2, 4))
    }))

  proves("wakes the relay once it is committed", ({ direct }) =>
    Effect.gen(function*() {
      const awaitRows = yield* direct.store.wakeups
      yield* direct.add(created(1))
      yield* awaitRows
      const rows = yield* Effect.provideService(outbox, OutboxStore, direct.store)
      assert.lengthOf(rows, 1)
    }))
})

describe("creates of several replicas", () => {
  proves("store one order for each key, and do not deadlock", (world) =>
    Effect.gen(function*() {
      const uses = Array.makeBy(200, (n) => ({ n: n + 1, key: key(`k${n % 10}`) }))
      const answers = yield* Effect.forEach(
        uses,
        (use) => (use.n % 2 === 0 ? world.direct : world.other).add(created(use.n), use.key),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(new Set(answers.map((answer) => answer.orderId)), 10)
      assert.lengthOf(answers.filter(({ replayed }) => !replayed), 10)
      assert.lengthOf((yield* stored(world)).messages, 10)
    }))
})

describe("a create whose connection breaks", () => {
  for (const cut of ["lose request", "lose answer"] as const) {
    for (const use of [undefined, key("k")]) {
      proves(
        `is stored once: ${cut}, ${use === undefined ? "without" : "with"} a key`,
        (world) =>
          Effect.gen(function*() {
            const { proxied, proxy } = world
            yield* proxied.add(created(9))
            yield* proxy.arm(cut)
            assert.deepStrictEqual(yield* proxied.add(created(1), use), { orderId: orderId(1), replayed: false })
            assert.strictEqual(yield* proxy.cuts, 1)
            assert.deepStrictEqual(yield* stored(world), exactly(1, 9))
          })
      )
    }
  }

  proves("is stored once even while the server is still at the first try", (world) =>
    Effect.gen(function*() {
      const { proxied, proxy } = world
      yield* proxied.add(created(9))
      const lock = yield* locked(world)
      yield* proxy.arm("leave behind")
      const adding = yield* Effect.forEach([undefined, key("k")], (use, i) =>
        Effect.forkChild(proxied.add(created(i + 1), use), { startImmediately: true }))
      yield* waiting(world, 2)
      yield* lock.release
      assert.deepStrictEqual(yield* Effect.forEach(adding, Fiber.join), [
        { orderId: orderId(1), replayed: false },
        { orderId: orderId(2), replayed: false }
      ])
      assert.strictEqual(yield* proxy.cuts, 1)
      yield* waitingForNobody(world)
      assert.deepStrictEqual(yield* stored(world), exactly(1, 2, 9))
    }))

  proves(
    "is 'unavailable' when there is no database to ask, and may be asked for again",
    (world) =>
      Effect.gen(function*() {
        const { proxied, proxy } = world
        yield* proxied.add(created(9))
        yield* proxy.arm("refuse")
        const refusal = yield* Effect.flip(proxied.add(created(1), key("k")))
        assert.strictEqual(refusal._tag, "DatabaseUnavailable")
        yield* proxy.arm("pass")
        assert.deepStrictEqual(yield* proxied.add(created(1), key("k")), { orderId: orderId(1), replayed: false })
        assert.deepStrictEqual(yield* stored(world), exactly(1, 9))
      })
  )

  proves("that loses the answer of a replay is still told as one", (world) =>
    Effect.gen(function*() {
      const { proxied, proxy } = world
      yield* proxied.add(created(1), key("k"))
      yield* proxy.arm("lose answer")
      assert.deepStrictEqual(yield* proxied.add(created(2), key("k")), { orderId: orderId(1), replayed: true })
      assert.deepStrictEqual(yield* stored(world), exactly(1))
    }))
})

/** Every backend has done what it was told, also those whose client has left. */
const waitingForNobody = ({ sql }: World) =>
  sql`SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND backend_type = 'client backend'`
    .pipe(Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("5 millis") }))
