import { assert, it } from "@effect/vitest"
import { Array as Arr, Effect, Random } from "effect"
import { books, faults } from "./books.ts"
import { makeHeldBus } from "./heldBus.ts"
import { mixedOrders } from "./mixedOrders.ts"
import type { StoreLayers } from "./stores.ts"
import { drained, makeWorld, start } from "./world.ts"

const SEED = "redelivery-1"

/** What the inbox alone does not have to catch: the decisions themselves are kept. */
export const redeliveryContract = (stores: StoreLayers, count: number) => {
  it.live(`changes nothing when the inboxes are emptied and everything is delivered again (seed ${SEED})`, () =>
    Effect.gen(function*() {
      const bus = yield* makeHeldBus((inner) => ({ publish: inner.publish }))
      const world = yield* makeWorld(bus, stores)
      yield* start.everything(world)
      const { buyers, ids } = yield* mixedOrders(world, count)
      yield* drained(world)
      const before = yield* books(world, buyers, ids)
      assert.deepStrictEqual(faults(before), [])
      const messages = [...bus.published]

      // Per key in order; keys among each other in any; everything in any.
      const byKey = Object.values(Arr.groupBy(messages, ({ key }) => key ?? ""))
      const turns = yield* Random.shuffle(byKey.flatMap((group) => group.map(() => group)))
      const taken = new Map<unknown, number>()
      const interleaved = turns.flatMap((group) => {
        const nth = taken.get(group) ?? 0
        taken.set(group, nth + 1)
        return group.slice(nth, nth + 1)
      })
      for (const again of [messages, interleaved, yield* Random.shuffle(messages)]) {
        yield* world.forget
        for (const chunk of Arr.chunksOf(again, 7)) yield* bus.deliver(...chunk)
        yield* drained(world)
        assert.deepStrictEqual(yield* books(world, buyers, ids), before)
        assert.lengthOf(bus.published, messages.length)
      }
    }).pipe(Effect.scoped, Random.withSeed(SEED)))
}
