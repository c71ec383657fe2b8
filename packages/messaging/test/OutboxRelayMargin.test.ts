import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import { memoryTables } from "../src/memory/MemoryTables.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import { append, once, recordingBus, soon, withRelay } from "./fixtures/relay.ts"

describe("a relay whose lease is not renewed", () => {
  it.effect("has given its publish up by the time that the lease ends", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const end = yield* Deferred.make<void>()
      let given = 0
      let givenUp = 0
      bus.publish = () => {
        given++
        return Effect.onInterrupt(Deferred.await(end), () => Effect.sync(() => void givenUp++))
      }
      yield* withRelay(
        { tables, bus, through: (store) => ({ ...store, claim: once(store.claim) }) },
        Effect.gen(function*() {
          yield* append(outgoing(1, "a"))
          yield* soon(() => given === 1)
          yield* TestClock.adjust("4900 millis")
          // Looked at outside: a relay that still waits for this publish would not come to its end before.
          yield* Deferred.succeed(end, undefined)
        })
      )
      assert.strictEqual(givenUp, 1)
    }))
})
