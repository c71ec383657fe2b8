import { assert, describe, it } from "@effect/vitest"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { BusUnavailable, EventBus } from "@g-store/messaging/EventBus.ts"
import { EVENT_TYPE } from "@g-store/messaging/Message.ts"
import { OrderRepository } from "@g-store/order-service/application/OrderRepository.ts"
import { Array as Arr, Context, Deferred, Effect, Exit, Fiber, Layer, Random, Result, Scope, Stream } from "effect"
import { books, faults } from "./books.ts"
import { type HeldBus, makeHeldBus } from "./heldBus.ts"
import { mixedOrders } from "./mixedOrders.ts"
import { MemoryStores } from "./stores.ts"
import { drained, fund, idOf, makeWorld, place, start, userOf } from "./world.ts"

const straight = (inner: EventBus["Service"]) => ({ publish: inner.publish })

/** The order's versions as the bus saw them first: what a consumer that forgets duplicates goes by. */
const versionsOf = (bus: HeldBus, id: OrderId) =>
  bus.of(id).filter(({ topic }) => topic === ORDER_EVENTS).map(({ headers, payload }) => {
    const event = Result.getOrThrow(decodeEvent(headers[EVENT_TYPE], payload))
    return event?._tag === "PaymentProcessed" ? undefined : event?.version
  })

/** Builds what may end before the test does. */
const startIn = <A, E>(scope: Scope.Scope, build: Effect.Effect<A, E, Scope.Scope>) => Scope.provide(build, scope)

describe("what is published while others come and go", () => {
  it.live("waits for consumers that start after the relays, and loses nothing", () =>
    Effect.gen(function*() {
      const bus = yield* makeHeldBus(straight)
      const world = yield* makeWorld(bus, MemoryStores)
      yield* start.relays(world)
      const buyers = [{ userId: userOf(1), funds: 1_000 }]
      yield* fund(world, userOf(1), 1_000)
      const ids = yield* Effect.forEach(Arr.range(1, 40), () => place(world, userOf(1), 30))
      yield* bus.until(Effect.sync(() => bus.published.length > 0))
      const { byId } = Context.get(world.orders, OrderRepository)
      for (const id of ids) assert.strictEqual((yield* byId(id)).status, "PENDING")
      // Turns enough for a relay that took the publish for done to remove its rows.
      for (let turn = 0; turn < 500; turn++) yield* Effect.yieldNow
      // What nobody has acknowledged is in the outbox yet: losing this process, bus and all, would lose nothing.
      assert.lengthOf(
        yield* world.outboxes.orders.exchange({ removals: [], shards: Arr.range(0, 15), limit: 100 }),
        ids.length
      )
      yield* start.consumers(world)
      yield* drained(world)
      const outcome = yield* books(world, buyers, ids)
      assert.deepStrictEqual(faults(outcome), [])
      assert.lengthOf(outcome.orders.filter(({ order }) => order.status === "PAID"), 33)
    }).pipe(Effect.scoped))

  for (const moment of ["before it has handled the message", "after that, before its acknowledgement"]) {
    it.live(`comes to the next consumer when one ends ${moment}`, () =>
      Effect.gen(function*() {
        const reached = yield* Deferred.make<void>()
        let first = true
        const bus = yield* makeHeldBus((inner) => ({
          publish: inner.publish,
          subscribe: (subscription) => {
            const batches = inner.subscribe(subscription)
            if (!first || subscription.group !== "g-store.payment-service") return batches
            first = false
            const lost = Effect.andThen(
              Deferred.succeed(reached, undefined),
              new BusUnavailable({ operation: "acknowledge", cause: new Error("the connection is gone") })
            )
            return moment.startsWith("before")
              ? Stream.mapEffect(batches, () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
              : Stream.map(batches, (batch) => ({ ...batch, acknowledge: lost }))
          }
        }))
        const world = yield* makeWorld(bus, MemoryStores)
        const mortal = yield* Scope.make()
        yield* startIn(mortal, start.paymentWorkers(world))
        yield* start.orderWorkers(world)
        yield* start.notificationWorkers(world)
        yield* start.relays(world)
        yield* fund(world, userOf(1), 100)
        const id = yield* place(world, userOf(1), 60)
        yield* Deferred.await(reached)
        // The publish still waits: the row stays in the outbox, and nothing else may count as delivered.
        assert.lengthOf(yield* world.outboxes.orders.exchange({ removals: [], shards: Arr.range(0, 15), limit: 10 }), 1)
        yield* Scope.close(mortal, Exit.void)
        yield* start.paymentWorkers(world)
        yield* drained(world)
        const outcome = yield* books(world, [{ userId: userOf(1), funds: 100 }], [id])
        assert.deepStrictEqual(faults(outcome), [])
        assert.strictEqual(outcome.orders[0]?.order.status, "PAID")
      }).pipe(Effect.scoped))
  }

  const SEED = "handover-1"
  it.live(`keeps the versions of each order in their order when one relay dies and another takes over (seed ${SEED})`, () =>
    Effect.gen(function*() {
      const bus = yield* makeHeldBus(straight)
      const world = yield* makeWorld(bus, MemoryStores)
      const inner = yield* Effect.provide(EventBus, bus.layer)
      const stuck = yield* Deferred.make<void>()
      let left = 60
      // Its answers stop at some time; what it published may or may not have reached the bus by then.
      const dying = Layer.succeed(
        EventBus,
        EventBus.of({
          ...inner,
          publish: (messages) =>
            Effect.suspend(() => {
              left -= messages.length
              if (left > 0) return inner.publish(messages)
              const sent = left % 2 === 0 ? messages : messages.slice(0, messages.length / 2)
              return Effect.andThen(
                Effect.andThen(inner.publish(sent), Deferred.succeed(stuck, undefined)),
                Effect.never
              )
            })
        })
      )
      yield* start.consumers(world)
      const process = yield* Scope.make()
      const { orders, payments } = world.outboxes
      const shared = { leases: "shared" } as const
      yield* startIn(process, Effect.all([start.relay(orders, dying, shared), start.relay(payments, dying, shared)]))
      yield* Effect.all([start.relay(orders, bus.layer, shared), start.relay(payments, bus.layer, shared)])
      const placing = yield* Effect.forkScoped(mixedOrders(world, 120))
      yield* Deferred.await(stuck)
      yield* Scope.close(process, Exit.void)
      const { buyers, ids } = yield* Fiber.join(placing)
      yield* drained(world)
      const outcome = yield* books(world, buyers, ids)
      assert.deepStrictEqual(faults(outcome), [])
      for (const { order } of outcome.orders) {
        assert.deepStrictEqual(versionsOf(bus, order.id), Arr.range(1, order.version), order.id)
      }
      assert.isAbove(bus.published.length, new Set(bus.published.map(idOf)).size, "nothing was published twice")
    }).pipe(Effect.scoped, Random.withSeed(SEED)))
})
