import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import { memoryTables } from "../src/memory/MemoryTables.ts"
import type { WireMessage } from "../src/Message.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { shardOf } from "../src/Outbox.ts"
import { DatabaseUnavailable } from "../src/Transactions.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import {
  append,
  assertInOrder,
  down,
  eventually,
  id,
  idsOf,
  recordingBus,
  relayProcess,
  type RelayUnderTest,
  soon,
  waiting,
  withRelay
} from "./fixtures/relay.ts"

describe("the relay", () => {
  it.effect("publishes at once what was committed in its process, in order, and removes it", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const messages = Array.from({ length: 60 }, (_, nth) => outgoing(nth, `order-${nth % 5}`))
      yield* withRelay(
        { tables, bus },
        Effect.gen(function*() {
          yield* append(...messages.slice(0, 30))
          yield* soon(() => bus.log.length === 30)
          yield* append(...messages.slice(30))
          yield* soon(() => bus.log.length === 60)
          yield* eventually(() => waiting(tables) === 0, 200)
        })
      )
      assertInOrder(bus, messages)
      assert.strictEqual(bus.log.length, messages.length)
      assert.deepStrictEqual(bus.log[0]?.headers["event_type"], "OrderCreated")
    }))

  it.effect("finds what other processes committed by looking", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const other = recordingBus()
      other.publish = () => Effect.never
      yield* withRelay(
        { tables, bus },
        Effect.gen(function*() {
          yield* TestClock.adjust("1 minute")
          yield* Effect.provide(append(outgoing(1, "a")), relayProcess({ tables, bus: other }))
          yield* eventually(() => waiting(tables) === 0, 500)
        })
      )
      assert.deepStrictEqual(idsOf(bus), [id(1)])
      assert.deepStrictEqual(idsOf(other), [])
    }))

  it.effect("looks seldom when there is nothing", () =>
    Effect.gen(function*() {
      let reads = 0
      const tables = memoryTables()
      const counting: RelayUnderTest = {
        tables,
        bus: recordingBus(),
        through: (store) => ({
          ...store,
          exchange: (asked) =>
            Effect.suspend(() => {
              reads++
              return store.exchange(asked)
            })
        })
      }
      yield* withRelay(counting, eventually(() => false, 60_000).pipe(Effect.ignoreCause))
      assert.isTrue(reads > 0 && reads <= 60 * 5, `${reads} reads`)
      reads = 0
      yield* withRelay({ ...counting, leases: "exclusive" }, eventually(() => false, 60_000).pipe(Effect.ignoreCause))
      assert.isTrue(reads > 0 && reads <= 20, `${reads} reads`)
    }))

  it.effect("publishes again, and loses nothing, when it dies between publishing and removing", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const messages = [outgoing(1, "a"), outgoing(2, "a"), outgoing(3, "b")]
      // A dead process removes nothing and gives no lease back.
      const dying = yield* withRelay(
        {
          tables,
          bus,
          through: (store) => ({
            ...store,
            exchange: (asked) => asked.removals.length > 0 ? Effect.never : store.exchange(asked),
            release: () => Effect.never
          })
        },
        Effect.gen(function*() {
          yield* append(...messages)
          yield* soon(() => bus.log.length === 3)
        })
      ).pipe(Effect.forkChild)
      yield* eventually(() => dying.pollUnsafe() !== undefined)
      assert.strictEqual(waiting(tables), 3)

      yield* withRelay({ tables, bus }, eventually(() => waiting(tables) === 0))
      assert.deepStrictEqual(idsOf(bus).toSorted(), [1, 1, 2, 2, 3, 3].map(id))
      assertInOrder(bus, messages)
    }))

  it.effect("retries for ever, and keeps each key's order, whatever the bus does", () =>
    Effect.forEach(Array.from({ length: 40 }, (_, seed) => seed), (seed) =>
      Effect.gen(function*() {
        const tables = memoryTables()
        const bus = recordingBus()
        let calm = false
        const fickle = Effect.fnUntraced(function*(messages: ReadonlyArray<WireMessage>) {
          const landed = messages.slice(0, yield* Random.nextIntBetween(0, messages.length + 1))
          switch (calm ? 4 : yield* Random.nextIntBetween(0, 6)) {
            case 0:
              return yield* down
            case 1: // A part arrived, then the connection broke.
              bus.log.push(...landed)
              return yield* down
            case 2: // All arrived, the answer did not.
              bus.log.push(...messages)
              return yield* Effect.never
            case 3:
              bus.log.push(...landed)
              return yield* Effect.die(new Error("a bug of the client"))
            default:
              yield* Effect.sleep(yield* Random.nextIntBetween(0, 300))
              bus.log.push(...messages)
          }
        })
        bus.publish = fickle
        const messages = Array.from({ length: 60 }, (_, nth) => outgoing(nth, `order-${nth % 12}`))
        yield* withRelay(
          { tables, bus, batch: 3 },
          Effect.gen(function*() {
            for (let nth = 0; nth < messages.length; nth += 4) {
              yield* append(...messages.slice(nth, nth + 4))
              yield* TestClock.adjust(yield* Random.nextIntBetween(0, 200))
            }
            yield* TestClock.adjust("20 seconds")
            calm = true
            yield* eventually(() => waiting(tables) === 0)
          })
        )
        assertInOrder(bus, messages)
      }).pipe(Random.withSeed(seed)), { discard: true }))

  it.effect("holds up only the shard whose publish fails", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const keys = Array.from({ length: 50 }, (_, nth) => `order-${nth}`)
      const stuck = shardOf("order-0")
      bus.publish = (messages) =>
        messages.some((message) => shardOf(message.key ?? "") === stuck)
          ? down
          : Effect.sync(() => void bus.log.push(...messages))
      yield* withRelay(
        { tables, bus },
        Effect.gen(function*() {
          yield* append(...keys.map((key, nth) => outgoing(nth, key)))
          yield* eventually(() => waiting(tables) === keys.filter((key) => shardOf(key) === stuck).length, 200)
          yield* append(outgoing(100, "order-1"))
          yield* soon(() => idsOf(bus).includes(id(100)))
          bus.publish = recordingBus().publish
          yield* eventually(() => waiting(tables) === 0)
        })
      )
    }))

  it.effect("goes on where it was when the database comes back, also when a removal had happened unheard", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      let broken = false
      const lost = new DatabaseUnavailable({ cause: new Error("connection lost") })
      yield* withRelay(
        {
          tables,
          bus,
          through: (store) => ({
            ...store,
            exchange: (asked) => Effect.tap(store.exchange(asked), () => broken ? Effect.fail(lost) : Effect.void)
          })
        },
        Effect.gen(function*() {
          const health = yield* MessagingHealth
          bus.publish = (messages) =>
            Effect.sync(() => {
              broken = true
              bus.log.push(...messages)
            })
          yield* append(outgoing(1, "a"))
          yield* eventually(() => waiting(tables) === 0, 200)
          yield* append(outgoing(2, "a"))
          yield* TestClock.adjust("3 seconds")
          assert.deepStrictEqual(yield* health.reasons, [
            "outbox relay, database: cannot read the outbox: connection lost"
          ])
          bus.publish = (messages) => Effect.sync(() => void bus.log.push(...messages))
          broken = false
          yield* eventually(() => waiting(tables) === 0)
          assert.deepStrictEqual(yield* health.reasons, [])
        })
      )
      assert.deepStrictEqual(idsOf(bus), [1, 2].map(id))
    }))

  it.effect("puts no more into one publish than a broker takes, but always one message", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const sizes: Array<number> = []
      bus.publish = (messages) =>
        Effect.sync(() => {
          sizes.push(messages.reduce((sum, message) => sum + message.payload.length, 0))
          bus.log.push(...messages)
        })
      const big = { payload: new Uint8Array(200 * 1024) }
      const messages = [
        ...Array.from({ length: 5 }, (_, nth) => outgoing(nth, "a", big)),
        outgoing(5, "a", { payload: new Uint8Array(600 * 1024) }),
        outgoing(6, "a")
      ]
      yield* withRelay(
        { tables, bus },
        Effect.gen(function*() {
          yield* append(...messages)
          yield* eventually(() => waiting(tables) === 0, 200)
        })
      )
      assert.deepStrictEqual(sizes.map((size) => Math.round(size / 1024)), [400, 400, 200, 600, 0])
      assertInOrder(bus, messages)
    }))
})
