import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { memoryTables } from "../src/memory/MemoryTables.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { SHARDS } from "../src/Outbox.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import {
  append,
  assertInOrder,
  down,
  eventually,
  id,
  idsOf,
  once,
  recordingBus,
  relayProcess,
  soon,
  waiting,
  withRelay
} from "./fixtures/relay.ts"

describe("a relay among others", () => {
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
          exchange: (asked) =>
            Effect.tap(store.exchange(asked), () => Effect.sync(() => void (removals += asked.removals.length)))
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
          yield* eventually(() => waiting(tables) === 0, 200)
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
          yield* eventually(() => waiting(tables) === 0, 200)
        })
      )
    }))

  it.effect("removes what was acknowledged when it stops, also where it waits for nothing", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      yield* withRelay(
        { tables, bus, leases: "exclusive" },
        Effect.andThen(append(outgoing(1, "a")), soon(() => bus.log.length === 1))
      )
      assert.strictEqual(waiting(tables), 0)
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
})
