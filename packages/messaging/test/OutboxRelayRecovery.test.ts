import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { memoryTables } from "../src/memory/MemoryTables.ts"
import { type Outbox, shardOf } from "../src/Outbox.ts"
import type { DatabaseUnavailable } from "../src/Transactions.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import { append, down, eventually, recordingBus, soon, withRelay } from "./fixtures/relay.ts"

/** A relay whose bus has been away for a minute while messages of most shards wait, and is now to come back. */
const afterAnOutage = (
  body: (parts: {
    readonly come: () => void
    readonly published: () => number
    readonly tries: () => number
  }) => Effect.Effect<void, DatabaseUnavailable, Outbox>,
  broken: (key: string) => boolean = () => false
) =>
  Effect.gen(function*() {
    const bus = recordingBus()
    let tries = 0
    bus.publish = () => down
    yield* withRelay(
      { tables: memoryTables(), bus },
      Effect.gen(function*() {
        yield* append(...Array.from({ length: 60 }, (_, nth) => outgoing(nth, `order-${nth}`)))
        yield* TestClock.adjust("1 minute")
        yield* body({
          come: () => {
            bus.publish = (messages) =>
              Effect.suspend(() => {
                if (!messages.some(({ key }) => broken(key ?? ""))) {
                  bus.log.push(...messages)
                  return Effect.void
                }
                tries++
                return down
              })
          },
          published: () => bus.log.length,
          tries: () => tries
        })
      })
    )
  })

describe("a relay after an outage of the bus", () => {
  it.effect("has tried at least once a second", () =>
    Effect.gen(function*() {
      const bus = recordingBus()
      let tries = 0
      bus.publish = () =>
        Effect.suspend(() => {
          tries++
          return down
        })
      yield* withRelay(
        { tables: memoryTables(), bus },
        Effect.andThen(append(outgoing(1, "a")), eventually(() => false, 60_000).pipe(Effect.ignoreCause))
      )
      assert.isAtLeast(tries, 60)
    }))

  it.effect("tries every shard as soon as one gets through", () =>
    afterAnOutage(({ come, published }) =>
      Effect.gen(function*() {
        come()
        while (published() === 0) {
          yield* TestClock.adjust("1 millis")
          for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
        }
        yield* soon(() => published() === 60)
      })
    ))

  it.effect("tries a shard that is still refused no more often because others flow", () => {
    const broken = shardOf("order-0")
    return afterAnOutage(({ come, published, tries }) =>
      Effect.gen(function*() {
        come()
        yield* eventually(() => published() > 45, 1_000)
        yield* Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow, { discard: true })
        const [done, before] = [published(), tries()]
        for (let nth = 100; nth < 120; nth++) {
          yield* append(outgoing(nth, "order-1"))
          yield* soon(() => published() === done + nth - 99)
        }
        assert.strictEqual(tries(), before)
      }), (key) => shardOf(key) === broken)
  })
})
