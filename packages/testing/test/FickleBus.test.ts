import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { books, faults } from "./books.ts"
import { makeFickleBus } from "./fickleBus.ts"
import { makeHeldBus } from "./heldBus.ts"
import { mixedOrders } from "./mixedOrders.ts"
import { MemoryStores } from "./stores.ts"
import { drained, makeWorld, start } from "./world.ts"

const ORDERS = 200

describe("a bus that doubles three messages of ten and fails every fifth acknowledgement", () => {
  for (const seed of ["fickle-1", "fickle-2", "fickle-3"]) {
    it.live(`leaves ${ORDERS} orders, payments and balances right (seed ${seed})`, () =>
      Effect.gen(function*() {
        const fickle = yield* makeFickleBus
        const bus = yield* makeHeldBus(fickle.open)
        const world = yield* makeWorld(bus, MemoryStores)
        yield* start.everything(world)
        const { buyers, ids } = yield* mixedOrders(world, ORDERS)
        yield* drained(world)
        yield* bus.deliver(...fickle.late)
        yield* drained(world)
        const outcome = yield* books(world, buyers, ids)
        assert.deepStrictEqual(faults(outcome), [])
        // There was something to see: every kind of end, doubles and refusals.
        const ends = new Set(outcome.orders.map(({ order, payment }) => `${order.status} ${payment?.state}`))
        assert.includeMembers([...ends], ["PAID CHARGED", "CANCELLED REFUNDED", "CANCELLED DECLINED"])
        assert.isAbove(fickle.counts.doubled, ORDERS / 4)
        assert.isAbove(fickle.counts.refused, 10)
      }).pipe(Effect.scoped, Random.withSeed(seed)))
  }
})
