import { assert, describe, it } from "@effect/vitest"
import { EVENT_TYPE } from "@g-store/messaging/Message.ts"
import { Effect } from "effect"
import { books, faults } from "./books.ts"
import { racesHold, schedules } from "./cancelRaces.ts"
import { makeHeldBus } from "./heldBus.ts"
import { redeliveryContract } from "./redeliveryContract.ts"
import { PostgresStores } from "./stores.ts"
import { cancel, drained, fund, heldOf, makeWorld, place, start, userOf } from "./world.ts"

describe("on PostgreSQL", () => {
  redeliveryContract(PostgresStores, 30)

  it.live("a cancel that races the payment never leaves an order charged, in every order of arrival", () =>
    Effect.scoped(
      racesHold(PostgresStores, 100, schedules({ cancel: 1, OrderCreated: 1, OrderCancelled: 2, PaymentProcessed: 2 }))
    ))

  it.live("a cancel and the payment that come at the same moment agree in the end", () =>
    Effect.gen(function*() {
      const bus = yield* makeHeldBus()
      const world = yield* makeWorld(bus, PostgresStores)
      yield* start.everything(world)
      const [userId, funds] = [userOf(1), 10_000]
      yield* fund(world, userId, funds)
      const ids = yield* Effect.forEach(Array.from({ length: 30 }), () =>
        Effect.gen(function*() {
          const id = yield* place(world, userId, 60)
          yield* bus.deliver(...yield* heldOf(world, id))
          const paid = (yield* heldOf(world, id)).filter(({ headers }) => headers[EVENT_TYPE] === "PaymentProcessed")
          yield* Effect.all([bus.deliver(...paid), cancel(world, userId, id)], { concurrency: 2 })
          return id
        }), { concurrency: 4 })
      yield* drained(world)
      for (const id of ids) yield* bus.deliver(...bus.of(id))
      yield* drained(world)
      const outcome = yield* books(world, [{ userId, funds }], ids)
      assert.deepStrictEqual(faults(outcome), [])
      assert.isTrue(outcome.orders.every(({ order }) => order.status === "CANCELLED"))
    }).pipe(Effect.scoped))
})
