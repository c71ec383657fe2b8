import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Random, Scope } from "effect"
import { TestClock } from "effect/testing"
import { BusUnavailable } from "../src/EventBus.ts"
import { type MemoryTables, memoryTables } from "../src/memory/MemoryTables.ts"
import type { WireMessage } from "../src/Message.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { Outbox, shardOf, SHARDS } from "../src/Outbox.ts"
import { DatabaseUnavailable } from "../src/Transactions.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import {
  eventually,
  firstOccurrences,
  idsOf,
  type RecordingBus,
  recordingBus,
  relayProcess,
  type RelayUnderTest,
  soon
} from "./fixtures/relay.ts"

const waiting = (tables: MemoryTables): number => {
  let count = 0
  for (let shard = 0; shard < SHARDS; shard++) count += tables.tables.get(`outbox/${shard}`)?.size ?? 0
  return count
}
const append = (...messages: ReadonlyArray<ReturnType<typeof outgoing>>) =>
  Effect.flatMap(Outbox, (outbox) => outbox.append(messages))
const id = (nth: number) => outgoing(nth, "").id
const down = Effect.fail(new BusUnavailable({ operation: "publish", cause: new Error("no broker") }))

/** Each key's messages appeared first in the order in which they were written, and none is missing. */
const assertInOrder = (bus: RecordingBus, written: ReadonlyArray<ReturnType<typeof outgoing>>) => {
  const byKey = new Map<string, ReadonlyArray<string>>()
  for (const message of written) byKey.set(message.key, [...byKey.get(message.key) ?? [], message.id])
  const sorted = (map: ReadonlyMap<string, ReadonlyArray<string>>) => [...map].toSorted(([a], [b]) => a < b ? -1 : 1)
  assert.deepStrictEqual(sorted(firstOccurrences(bus)), sorted(byKey))
}

/** Runs a relay for the time of the body. */
const withRelay = <A, E>(
  options: RelayUnderTest,
  body: Effect.Effect<A, E, Outbox | MessagingHealth>
): Effect.Effect<A, E> => Effect.provide(body, relayProcess(options))

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
          yield* soon(() => waiting(tables) === 0)
          yield* append(...messages.slice(30))
          yield* soon(() => waiting(tables) === 0)
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
          read: (shards, limit) =>
            Effect.suspend(() => {
              reads++
              return store.read(shards, limit)
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
        { tables, bus, through: (store) => ({ ...store, remove: () => Effect.never, release: () => Effect.never }) },
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
          yield* soon(() => waiting(tables) === keys.filter((key) => shardOf(key) === stuck).length)
          yield* append(outgoing(100, "order-1"))
          yield* soon(() => idsOf(bus).includes(id(100)))
          bus.publish = recordingBus().publish
          yield* eventually(() => waiting(tables) === 0)
        })
      )
    }))

  it.effect("waits with a hanging publish only while its lease lasts", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      let given = 0
      let givenUp = 0
      bus.publish = () => {
        given++
        return Effect.onInterrupt(Effect.never, () => Effect.sync(() => void givenUp++))
      }
      yield* withRelay(
        // Renewals come to nothing from the second on.
        { tables, bus, through: (store) => ({ ...store, claim: once(store.claim) }) },
        Effect.gen(function*() {
          yield* append(outgoing(1, "a"))
          yield* soon(() => given === 1)
          yield* TestClock.adjust("4400 millis")
          assert.strictEqual(givenUp, 0)
          yield* TestClock.adjust("200 millis")
          assert.strictEqual(givenUp, 1)
          // No lease, no publish.
          yield* eventually(() => false, 20_000).pipe(Effect.ignoreCause)
          assert.strictEqual(given, 1)
        })
      )
    }))

  it.effect("lets one of several publish, and another go on when it is gone", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const buses = [recordingBus(), recordingBus(), recordingBus()] as const
      const scopes = yield* Effect.forEach(buses, (bus) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const context = yield* Layer.buildWithScope(
            relayProcess({ tables, bus, through: (store) => ({ ...store, release: () => Effect.void }) }),
            scope
          )
          return { scope, context, bus }
        }))
      const busy = () => buses.map((bus) => bus.log.length > 0 ? 1 : 0)
      yield* Effect.provideContext(append(outgoing(1, "a"), outgoing(2, "b"), outgoing(3, "c")), scopes[1]!.context)
      yield* eventually(() => waiting(tables) === 0)
      assert.strictEqual(busy().reduce<number>((a, b) => a + b, 0), 1)

      const leader = scopes.find(({ bus }) => bus.log.length > 0)!
      const heir = scopes.filter((process) => process !== leader)[0]!
      yield* Scope.close(leader.scope, Effect.runSyncExit(Effect.void))
      yield* Effect.provideContext(append(outgoing(4, "a")), heir.context)
      yield* eventually(() => waiting(tables) === 0, 8_000)
      yield* Effect.forEach(scopes, ({ scope }) => Scope.close(scope, Effect.runSyncExit(Effect.void)))
    }))

  it.effect("reveals nothing early when one is frozen past its lease and then goes on", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const frozen = yield* Deferred.make<void>()
      const thaw = yield* Deferred.make<void>()
      const zombie = recordingBus()
      // It stops in the very act: its packets leave when it goes on, whatever was decided meanwhile.
      zombie.publish = (messages) =>
        Deferred.succeed(frozen, undefined).pipe(
          Effect.andThen(Deferred.await(thaw)),
          Effect.andThen(Effect.sync(() => void bus.log.push(...messages))),
          Effect.uninterruptible
        )
      const messages = [outgoing(1, "a"), outgoing(2, "a"), outgoing(3, "a"), outgoing(4, "a")]
      let removals = 0
      const first = relayProcess({
        tables,
        bus: zombie,
        through: (store) => ({
          ...store,
          claim: once(store.claim),
          remove: (rows) => Effect.tap(store.remove(rows), () => Effect.sync(() => void removals++))
        })
      })
      yield* Effect.gen(function*() {
        yield* append(...messages.slice(0, 2))
        yield* Deferred.await(frozen)
        // Another one comes, takes over when the lease has run out, and goes on to newer messages.
        yield* withRelay(
          { tables, bus },
          Effect.gen(function*() {
            yield* eventually(() => waiting(tables) === 0, 10_000)
            assert.deepStrictEqual(idsOf(bus), [1, 2].map(id))
            bus.publish = () => down
            yield* append(...messages.slice(2))
            yield* TestClock.adjust("1 second")
            yield* Deferred.succeed(thaw, undefined)
            yield* TestClock.adjust("1 second")
            // The one before repeats what it had, and can neither publish nor remove what is newer.
            assert.deepStrictEqual(idsOf(bus), [1, 2, 1, 2].map(id))
            assert.strictEqual(waiting(tables), 2)
            bus.publish = (given) => Effect.sync(() => void bus.log.push(...given))
            yield* eventually(() => waiting(tables) === 0)
          })
        )
      }).pipe(Effect.provide(first))
      assertInOrder(bus, messages)
    }))

  it.effect("takes over from a dead one at once when it is exclusive", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      yield* withRelay(
        { tables, bus, through: (store) => ({ ...store, release: () => Effect.void }) },
        soon(() => (tables.tables.get("relay_lease")?.size ?? 0) === SHARDS)
      )
      yield* withRelay(
        { tables, bus, leases: "exclusive" },
        Effect.gen(function*() {
          yield* append(outgoing(1, "a"))
          yield* soon(() => waiting(tables) === 0)
        })
      )
    }))

  it.effect("gives its shards back when it stops, so that the next one starts at once", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      yield* withRelay({ tables, bus }, soon(() => (tables.tables.get("relay_lease")?.size ?? 0) === SHARDS))
      yield* withRelay(
        { tables, bus },
        Effect.gen(function*() {
          yield* append(outgoing(1, "a"))
          yield* soon(() => waiting(tables) === 0)
        })
      )
    }))

  it.effect("waits for a publish under way when it stops, and removes what it achieved", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const started = yield* Deferred.make<void>()
      bus.publish = (messages) =>
        Deferred.succeed(started, undefined).pipe(
          Effect.andThen(Effect.sleep("300 millis")),
          Effect.andThen(Effect.sync(() => void bus.log.push(...messages)))
        )
      const stopping = yield* withRelay(
        { tables, bus },
        Effect.andThen(append(outgoing(1, "a")), Deferred.await(started))
      ).pipe(Effect.forkChild)
      yield* eventually(() => stopping.pollUnsafe() !== undefined, 1_500)
      assert.deepStrictEqual(idsOf(bus), [id(1)])
      assert.strictEqual(waiting(tables), 0)
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
            read: (shards, limit) => Effect.suspend(() => broken ? Effect.fail(lost) : store.read(shards, limit)),
            remove: (rows) =>
              Effect.andThen(store.remove(rows), Effect.suspend(() => broken ? Effect.fail(lost) : Effect.void))
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
          yield* soon(() => waiting(tables) === 0)
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

  it.effect("takes a database that does not answer for unavailable, without waiting for the end of its query", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const answer = yield* Deferred.make<void>()
      let silent = false
      yield* withRelay(
        {
          tables,
          bus,
          through: (store) => ({
            ...store,
            claim: (claim) =>
              Effect.suspend(() =>
                silent
                  ? Effect.andThen(Effect.uninterruptible(Deferred.await(answer)), store.claim(claim))
                  : store.claim(claim)
              )
          })
        },
        Effect.gen(function*() {
          const health = yield* MessagingHealth
          yield* TestClock.adjust("2 seconds")
          silent = true
          yield* TestClock.adjust("4 seconds")
          assert.deepStrictEqual(yield* health.reasons, [
            "outbox relay, database: cannot renew the relay's leases: no answer within 1667 ms"
          ])
          silent = false
          yield* Deferred.succeed(answer, undefined)
          yield* append(outgoing(1, "a"))
          yield* eventually(() => waiting(tables) === 0)
          assert.deepStrictEqual(yield* health.reasons, [])
        })
      )
    }))

  it.effect("says what is wrong while the bus is, and takes it back", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      bus.publish = () => down
      yield* withRelay(
        { tables, bus, service: "orders" },
        Effect.gen(function*() {
          const health = yield* MessagingHealth
          yield* append(outgoing(1, "a"), outgoing(2, "b"))
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(yield* health.reasons, ["orders, outbox relay: cannot publish: no broker"])
          bus.publish = (messages) => Effect.sync(() => void bus.log.push(...messages))
          yield* eventually(() => waiting(tables) === 0)
          assert.deepStrictEqual(yield* health.reasons, [])
        })
      )
    }))

  it.effect("begins anew when a bug of its own ends a publish, rather than leave the shard standing", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      bus.publish = () => down
      let broken = true
      const faulty = Layer.effect(
        MessagingHealth,
        Effect.map(MessagingHealth, (health) => ({
          ...health,
          report: (component, reason) =>
            broken ? Effect.die(new Error("a bug of ours")) : health.report(component, reason)
        }))
      ).pipe(Layer.provide(MessagingHealth.layer))
      yield* withRelay(
        { tables, bus, health: faulty },
        Effect.gen(function*() {
          yield* append(outgoing(1, "a"))
          yield* TestClock.adjust("2 seconds")
          broken = false
          bus.publish = (messages) => Effect.sync(() => void bus.log.push(...messages))
          yield* eventually(() => waiting(tables) === 0)
        })
      )
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
          yield* soon(() => waiting(tables) === 0)
        })
      )
      assert.deepStrictEqual(sizes.map((size) => Math.round(size / 1024)), [400, 400, 200, 600, 0])
      assertInOrder(bus, messages)
    }))
})

/** Answers the first time only. */
const once = <A extends ReadonlyArray<unknown>, B, E>(f: (...args: A) => Effect.Effect<B, E>) => {
  let asked = false
  return (...args: A): Effect.Effect<B, E> =>
    Effect.suspend(() => {
      if (asked) return Effect.never
      asked = true
      return f(...args)
    })
}
