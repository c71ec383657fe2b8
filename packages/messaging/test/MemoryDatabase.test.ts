import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { MemoryDatabase } from "../src/memory/MemoryDatabase.ts"
import { LockTimeout } from "../src/memory/MemoryLocks.ts"
import { memoryTables } from "../src/memory/MemoryTables.ts"
import { DatabaseUnavailable } from "../src/Transactions.ts"

interface Item {
  readonly key: string
  readonly value: number
}

const put = (key: string, value: number) =>
  Effect.flatMap(
    MemoryDatabase,
    (database) => database.statement(`put ${key}`, [`item/${key}`], (rows) => rows.put("item", key, { key, value }))
  )
const items = Effect.flatMap(
  MemoryDatabase,
  (database) =>
    database.statement("items", [], (rows) => rows.scan<Item>("item").map(({ key, value }) => `${key}=${value}`))
)
const hold = (lock: string, held: Deferred.Deferred<void>, release: Deferred.Deferred<void>) =>
  Effect.flatMap(MemoryDatabase, (database) =>
    database.statement(`hold ${lock}`, [lock], () => undefined).pipe(
      Effect.andThen(Deferred.succeed(held, undefined)),
      Effect.andThen(Deferred.await(release)),
      database.transaction
    ))

describe("a memory database", () => {
  it.effect("drops all writes of a statement that throws, and only those", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      yield* put("a", 1)
      yield* Effect.gen(function*() {
        yield* put("b", 2)
        const exit = yield* database.statement("break", [], (rows) => {
          rows.put("item", "a", { key: "a", value: 9 })
          rows.remove("item", "b")
          throw new Error("bug")
        }).pipe(Effect.exit)
        assert.deepStrictEqual(exit, Exit.die(new Error("bug")))
        assert.deepStrictEqual(yield* items, ["a=1", "b=2"])
      }).pipe(database.transaction)
      assert.deepStrictEqual(yield* items, ["a=1", "b=2"])
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("scans in insertion order, sees its own writes, and stops at the limit", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      yield* Effect.forEach(["a", "b", "c", "d"], (key, nth) => put(key, nth))
      yield* Effect.gen(function*() {
        yield* put("e", 4)
        yield* put("b", 10)
        yield* database.statement("remove", [], (rows) => rows.remove("item", "c"))
        assert.deepStrictEqual(yield* items, ["a=0", "b=10", "d=3", "e=4"])
        let asked = 0
        const found = yield* database.statement("find", [], (rows) =>
          rows.scan<Item>("item", (row) => {
            asked++
            return row.value > 0
          }, 2))
        assert.deepStrictEqual(found.map(({ key }) => key), ["b", "d"])
        assert.strictEqual(asked, 3)
        assert.deepStrictEqual(yield* database.statement("none", [], (rows) => rows.scan("item", undefined, 0)), [])
      }).pipe(database.transaction)
      assert.deepStrictEqual(yield* items, ["a=0", "b=10", "d=3", "e=4"])
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("never rolls a sequence back", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      const next = database.statement("next", [], (rows) => rows.nextSequence("s"))
      assert.strictEqual(yield* next, 1)
      yield* next.pipe(Effect.andThen(Effect.fail("no")), database.transaction, Effect.ignore)
      assert.strictEqual(yield* next, 3)
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("tells statements the clock's time", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual(yield* database.statement("now", [], (rows) => rows.now), 7_000)
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("ends a transaction that waits for a row for over 5 seconds, and tells what it waited for", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      const held = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(hold("item/a", held, release))
      yield* Deferred.await(held)
      const waiting = yield* put("b", 1).pipe(
        Effect.andThen(put("a", 1)),
        Effect.ignore,
        Effect.andThen(Effect.result(put("c", 1))),
        Effect.tap((after) => Effect.sync(() => assert.isTrue(Result.isFailure(after)))),
        database.transaction,
        Effect.flip,
        Effect.forkChild
      )
      const alone = yield* put("a", 2).pipe(Effect.flip, Effect.forkChild)
      yield* TestClock.adjust("4900 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("200 millis")

      assert.instanceOf(yield* Fiber.join(waiting), DatabaseUnavailable)
      const error = yield* Fiber.join(alone)
      assert.instanceOf(error.cause, LockTimeout)
      assert.strictEqual(error.cause.lock, "item/a")
      assert.strictEqual(error.cause.statement, "put a")
      assert.deepStrictEqual(yield* items, [])
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(holder)
      yield* put("a", 3)
      yield* put("b", 3)
      assert.deepStrictEqual(yield* items, ["a=3", "b=3"])
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("hands a row to those who wait for it first come, first served, also past one who gave up", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      const held = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const order: Array<string> = []
      yield* Effect.forkChild(hold("item/a", held, release))
      yield* Deferred.await(held)
      const waiter = (name: string) =>
        Effect.forkChild(
          database.transaction(
            Effect.andThen(
              database.statement(name, ["item/a"], () => void order.push(name)),
              Effect.yieldNow
            )
          ),
          { startImmediately: true }
        )
      const first = yield* waiter("first")
      const second = yield* waiter("second")
      const third = yield* waiter("third")
      yield* Fiber.interrupt(second)
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(third)
      assert.deepStrictEqual(order, ["first", "third"])
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("refuses statements of a fiber that outlived its transaction", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      const late = yield* Deferred.make<void>()
      const fiber = yield* Deferred.await(late).pipe(
        Effect.andThen(put("a", 1)),
        Effect.forkDetach,
        database.transaction
      )
      yield* Deferred.succeed(late, undefined)
      assert.isTrue(Exit.hasDies(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(yield* items, [])
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("keeps its transactions apart from those of another database in the same fiber", () =>
    Effect.gen(function*() {
      const one = yield* MemoryDatabase
      yield* Effect.gen(function*() {
        const two = yield* MemoryDatabase
        yield* put("a", 1).pipe(
          Effect.andThen(
            one.transaction(one.statement("put", [], (rows) => rows.put("item", "b", { key: "b", value: 2 })))
          ),
          Effect.andThen(Effect.fail("no")),
          two.transaction,
          Effect.ignore
        )
        assert.deepStrictEqual(yield* items, [])
      }).pipe(Effect.provide(MemoryDatabase.layerOf(memoryTables())))
      assert.deepStrictEqual(yield* items, ["b=2"])
    }).pipe(Effect.provide(MemoryDatabase.layer)))

  it.effect("finds its tables again when it is built over them anew", () =>
    Effect.gen(function*() {
      const durable = memoryTables()
      yield* Effect.provide(put("a", 1), MemoryDatabase.layerOf(durable))
      assert.deepStrictEqual(yield* Effect.provide(items, MemoryDatabase.layerOf(durable)), ["a=1"])
    }))

  it.effect("runs what waits for the commit after it, and never after a rollback", () =>
    Effect.gen(function*() {
      const database = yield* MemoryDatabase
      const seen: Array<string> = []
      const look = Effect.flatMap(Effect.orDie(items), (found) => Effect.sync(() => void seen.push(found.join())))
      const looking = Effect.provideService(look, MemoryDatabase, database)
      yield* database.transaction(Effect.andThen(database.afterCommit(looking), put("a", 1)))
      yield* database.transaction(Effect.andThen(database.afterCommit(looking), Effect.fail("no"))).pipe(Effect.ignore)
      yield* database.afterCommit(looking)
      assert.deepStrictEqual(seen, ["a=1", "a=1"])
    }).pipe(Effect.provide(MemoryDatabase.layer)))
})
