import { assert, describe, it } from "@effect/vitest"
import { Amount } from "@g-store/contracts/Amount.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { IdempotencyKey } from "@g-store/messaging/Idempotency.ts"
import type { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { CurrentTraceparent } from "@g-store/messaging/TraceContext.ts"
import { Transactions } from "@g-store/messaging/Transactions.ts"
import { Array, Deferred, Effect, Fiber, type Layer, Result } from "effect"
import { OrderRepository } from "../src/application/OrderRepository.ts"
import * as Order from "../src/domain/Order.ts"
import { ada, bob, created, customer, later, orderId, payment, paymentOf, staff } from "./fixtures.ts"
import { outbox } from "./stores.ts"

const key = (name: string, hash = "the same body"): IdempotencyKey => ({
  scope: "customer:ada POST /v1/orders",
  key: name,
  hash
})

const events = Effect.map(outbox, (rows) => rows.map(({ event }) => Result.getOrThrow(event)))
const versionsOf = (id: OrderId) =>
  Effect.map(
    events,
    (all) =>
      all.flatMap((event) =>
        event !== undefined && event._tag !== "PaymentProcessed" && event.orderId === id ? [event.version] : []
      )
  )

const cancelled = (order: Parameters<typeof Order.cancel>[0]) =>
  Order.cancel(order, { reason: "OUT_OF_STOCK" }, staff, later(5))
const paid = (order: Parameters<typeof Order.pay>[0]) => Order.pay(order, paymentOf(order), payment, later(5))

/** What every OrderRepository must do, whatever it is made of. */
export const contract = (
  name: string,
  layer: Layer.Layer<OrderRepository | OutboxStore | Transactions, unknown>
) =>
  describe(name, () => {
    const promises = (
      sentence: string,
      test: Effect.Effect<void, unknown, OrderRepository | OutboxStore | Transactions>
    ) => it.live(sentence, () => Effect.provide(test, layer))

    promises(
      "gives back what was added, with its history",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        const decision = created(1, ada, { description: "two books, наждачка, 🧱" })
        assert.deepStrictEqual(yield* orders.add(decision), { orderId: orderId(1), replayed: false })
        assert.deepStrictEqual(yield* orders.byId(orderId(1)), decision.order)
        assert.deepStrictEqual(yield* orders.history(orderId(1)), decision.entries)
      })
    )

    promises(
      "says which order it does not know",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        const refusal = yield* Effect.flip(orders.byId(orderId(7)))
        assert.strictEqual(refusal._tag, "OrderNotFound")
        assert.deepStrictEqual(yield* Effect.flip(orders.update(orderId(7), cancelled)), refusal)
        assert.deepStrictEqual(yield* orders.history(orderId(7)), [])
      })
    )

    promises(
      "puts an event into the outbox with everything that it stores, keyed by order and caused by the request",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        yield* orders.add(created()).pipe(Effect.provideService(CurrentTraceparent, traceparent))
        yield* orders.update(orderId(1), paid)
        const rows = yield* outbox
        assert.deepStrictEqual(rows.map(({ message }) => [message.topic, message.key, message.eventType]), [
          ["order.events", orderId(1), "OrderCreated"],
          ["order.events", orderId(1), "OrderStatusChanged"]
        ])
        assert.strictEqual(rows[0]?.message.traceparent, traceparent)
        assert.lengthOf(new Set(rows.map(({ message }) => message.id)), 2)
        assert.deepStrictEqual(yield* events, [
          ...created().events,
          ...Result.getOrThrow(paid(created().order)).events
        ])
      })
    )

    promises(
      "stores what was decided, step by step",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        yield* orders.add(created())
        const first = yield* orders.update(orderId(1), paid)
        const second = yield* orders.update(orderId(1), cancelled)
        assert.deepStrictEqual(second, Result.getOrThrow(cancelled(first)).order)
        assert.deepStrictEqual(yield* orders.byId(orderId(1)), second)
        assert.deepStrictEqual(
          (yield* orders.history(orderId(1))).map(({ status, version }) => [version, status]),
          [[1, "PENDING"], [2, "PAID"], [3, "CANCELLED"]]
        )
      })
    )

    promises(
      "stores nothing when the decision is a refusal, or that nothing changes",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        yield* orders.add(created())
        const refused = yield* Effect.flip(
          orders.update(orderId(1), (order) => Order.move(order, { to: "ISSUED" }, staff, later(1)))
        )
        assert.strictEqual(refused._tag, "TransitionNotAllowed")
        yield* orders.update(orderId(1), (order) => Result.succeed(Order.unchanged(order)))
        assert.deepStrictEqual(yield* orders.byId(orderId(1)), created().order)
        assert.deepStrictEqual(yield* versionsOf(orderId(1)), [1])
      })
    )

    promises(
      "lets exactly one of many cancellations win",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        yield* orders.add(created())
        const outcomes = yield* Effect.all(
          Array.makeBy(20, () => Effect.result(orders.update(orderId(1), cancelled))),
          { concurrency: 20 }
        )
        assert.lengthOf(outcomes.filter(Result.isSuccess), 1)
        for (const outcome of outcomes.filter(Result.isFailure)) {
          assert.strictEqual(outcome.failure._tag, "TransitionNotAllowed")
        }
        assert.deepStrictEqual(yield* versionsOf(orderId(1)), [1, 2])
      })
    )

    promises(
      "decides upon an order as its rival left it, having waited for the rival's end",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        const { run } = yield* Transactions
        yield* orders.add(created())
        const decided = yield* Deferred.make<void>()
        const release = yield* Deferred.make<void>()
        const rival = yield* Effect.forkChild(run(Effect.gen(function*() {
          yield* orders.update(orderId(1), paid)
          yield* Deferred.succeed(decided, undefined)
          yield* Deferred.await(release)
        })))
        yield* Deferred.await(decided)
        const late = yield* Effect.forkChild(orders.update(orderId(1), cancelled), { startImmediately: true })
        yield* Deferred.succeed(release, undefined)
        yield* Fiber.join(rival)
        assert.strictEqual((yield* Fiber.join(late)).version, 3)
        assert.deepStrictEqual(yield* versionsOf(orderId(1)), [1, 2, 3])
      })
    )

    promises(
      "takes everything back with a transaction that fails around it",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        const { run } = yield* Transactions
        yield* orders.add(created(1))
        yield* orders.add(created(2))
        yield* Effect.flip(run(Effect.gen(function*() {
          yield* orders.update(orderId(1), paid)
          yield* orders.updateMany(
            [orderId(2)],
            (found) =>
              Result.map(Result.all([...found.values()].map(cancelled)), (decisions) =>
                decisions.map((decision) => ({ decision, traceparent: undefined })))
          )
          assert.strictEqual((yield* orders.byId(orderId(1))).status, "PAID")
          return yield* Effect.fail("the inbox could not mark the message")
        })))
        for (const n of [1, 2]) {
          assert.deepStrictEqual(yield* orders.byId(orderId(n)), created(n).order)
          assert.lengthOf(yield* orders.history(orderId(n)), 1)
          assert.deepStrictEqual(yield* versionsOf(orderId(n)), [1])
        }
      })
    )

    describe("updateMany", () => {
      promises(
        "shows the orders that exist and stores all decisions, each with its own cause",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          for (const n of [1, 2, 3]) {
            yield* orders.add(created(n))
          }
          const asked = [orderId(3), orderId(9), orderId(1), orderId(3)]
          yield* orders.updateMany(asked, (found) => {
            assert.sameMembers([...found.keys()], [orderId(1), orderId(3)])
            assert.deepStrictEqual(found.get(orderId(3)), created(3).order)
            return Result.map(
              Result.all([...found.values()].map(paid)),
              (decisions) =>
                decisions.map((decision) => ({ decision, traceparent: `trace of ${decision.order.id}` }))
            )
          })
          assert.deepStrictEqual(
            yield* Effect.forEach([1, 2, 3], (n) => Effect.map(orders.byId(orderId(n)), ({ status }) => status)),
            ["PAID", "PENDING", "PAID"]
          )
          const changes = (yield* outbox).filter(({ message }) => message.eventType === "OrderStatusChanged")
          assert.sameDeepMembers(
            changes.map(({ message }) => [message.key, message.traceparent]),
            [1, 3].map((n) => [orderId(n), `trace of ${orderId(n)}`])
          )
        })
      )

      promises(
        "stores several steps of one order in their order",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          yield* orders.add(created())
          yield* orders.updateMany([orderId(1)], (found) =>
            Result.gen(function*() {
              const first = yield* paid(found.get(orderId(1)) ?? created().order)
              const decision = Order.followedBy(first, yield* cancelled(first.order))
              return [{ decision, traceparent: undefined }]
            }))
          assert.deepStrictEqual((yield* orders.history(orderId(1))).map(({ version }) => version), [1, 2, 3])
          assert.deepStrictEqual(yield* versionsOf(orderId(1)), [1, 2, 3])
        })
      )

      promises(
        "stores nothing of a batch that is refused, nothing for no ids, nothing for no decisions",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          yield* orders.add(created())
          assert.strictEqual(yield* Effect.flip(orders.updateMany([orderId(1)], () => Result.fail("poison"))), "poison")
          yield* orders.updateMany([], () => Result.succeed([]))
          yield* orders.updateMany([orderId(1)], () => Result.succeed([]))
          assert.deepStrictEqual(yield* versionsOf(orderId(1)), [1])
        })
      )

      promises(
        "of overlapping batches in opposite order neither deadlocks nor loses a step",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          const ids = Array.makeBy(20, (n) => orderId(n + 1))
          yield* Effect.forEach(ids, (_, n) => orders.add(created(n + 1)), { concurrency: "unbounded" })
          const batch = (some: ReadonlyArray<OrderId>) =>
            orders.updateMany(some, (found) =>
              Result.succeed([...found.values()].flatMap((order) =>
                Result.match(
                  order.status === "PENDING"
                    ? Result.mapError(paid(order), String)
                    : Result.mapError(cancelled(order), String),
                  {
                    onSuccess: (decision) => [{ decision, traceparent: undefined }],
                    onFailure: () => []
                  }
                )
              )))
          yield* Effect.forEach([ids, ids.toReversed(), ids.slice(10), ids.slice(5).toReversed()], batch, {
            concurrency: "unbounded"
          })
          for (const id of ids) {
            const { version } = yield* orders.byId(id)
            assert.deepStrictEqual(yield* versionsOf(id), Array.makeBy(version, (n) => n + 1))
          }
        })
      )
    })

    describe("add with an idempotency key", () => {
      promises(
        "stores one order however often the key is used, and tells the repeats",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          assert.deepStrictEqual(yield* orders.add(created(1), key("k")), { orderId: orderId(1), replayed: false })
          assert.deepStrictEqual(yield* orders.add(created(2), key("k")), { orderId: orderId(1), replayed: true })
          assert.strictEqual((yield* Effect.flip(orders.byId(orderId(2))))._tag, "OrderNotFound")
          assert.lengthOf(yield* events, 1)
        })
      )

      promises(
        "refuses the key for another body, and stores nothing then",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          yield* orders.add(created(1), key("k"))
          const refusal = yield* Effect.flip(orders.add(created(2), key("k", "another body")))
          assert.strictEqual(refusal._tag, "KeyReused")
          assert.strictEqual((yield* Effect.flip(orders.byId(orderId(2))))._tag, "OrderNotFound")
        })
      )

      promises(
        "keeps keys of different callers apart",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          yield* orders.add(created(1), key("k"))
          const other = { ...key("k"), scope: "customer:bob POST /v1/orders" }
          assert.deepStrictEqual(yield* orders.add(created(2, bob), other), { orderId: orderId(2), replayed: false })
        })
      )

      promises(
        "stores one order for many concurrent uses of each key",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          const answers = yield* Effect.forEach(
            Array.makeBy(60, (n) => n),
            (n) => orders.add(created(n + 1), key(`k${n % 3}`)),
            { concurrency: "unbounded" }
          )
          assert.lengthOf(new Set(answers.map((answer) => answer.orderId)), 3)
          assert.lengthOf(answers.filter(({ replayed }) => !replayed), 3)
          assert.lengthOf(yield* events, 3)
        })
      )

      promises(
        "may be repeated with the same decision after a lost answer",
        Effect.gen(function*() {
          const orders = yield* OrderRepository
          for (const use of [undefined, key("k")]) {
            const decision = created(use === undefined ? 1 : 2)
            yield* orders.add(decision, use)
            assert.deepStrictEqual(yield* orders.add(decision, use), { orderId: decision.order.id, replayed: false })
          }
          assert.lengthOf(yield* events, 2)
        })
      )
    })

    describe("lists", () => {
      const filled = Effect.gen(function*() {
        const orders = yield* OrderRepository
        // Bob's every third; of Ada's, every second is paid.
        yield* Effect.forEach(
          Array.makeBy(30, (n) => n + 1),
          (n) => orders.add(created(n, n % 3 === 0 ? bob : ada)),
          { concurrency: "unbounded" }
        )
        yield* Effect.forEach(
          Array.makeBy(30, (n) => n + 1).filter((n) => n % 3 !== 0 && n % 2 === 0),
          (n) => orders.update(orderId(n), paid),
          { concurrency: "unbounded" }
        )
        return orders
      })
      const numbers = (from: number, keep: (n: number) => boolean) =>
        Array.makeBy(from, (n) => from - n).filter(keep).map(orderId)
      const ofAda = (n: number) => n % 3 !== 0
      const ids = ({ orders }: { readonly orders: ReadonlyArray<{ readonly id: OrderId }> }) =>
        orders.map(({ id }) => id)

      promises(
        "number pages, newest first, with how many there are",
        Effect.gen(function*() {
          const orders = yield* filled
          const page = (n: number, status?: "PAID" | "ISSUED") =>
            orders.page({ userId: ada, status }, { page: n, limit: 8 })
          const expected = numbers(30, ofAda)
          assert.deepStrictEqual(ids(yield* page(1)), expected.slice(0, 8))
          assert.deepStrictEqual(ids(yield* page(3)), expected.slice(16))
          assert.deepStrictEqual(yield* page(4), { orders: [], total: 20 })
          const paidOnes = yield* page(2, "PAID")
          assert.deepStrictEqual(ids(paidOnes), numbers(30, (n) => ofAda(n) && n % 2 === 0).slice(8))
          assert.strictEqual(paidOnes.total, 10)
          assert.deepStrictEqual(yield* page(1, "ISSUED"), { orders: [], total: 0 })
          assert.deepStrictEqual(paidOnes.orders[0], yield* orders.byId(paidOnes.orders[0]?.id ?? orderId(0)))
        })
      )

      promises(
        "slice by cursor without gap or repeat, while orders are added",
        Effect.gen(function*() {
          const orders = yield* filled
          const walk = Effect.fnUntraced(function*(filter: Parameters<typeof orders.slice>[0]) {
            const seen: Array<OrderId> = []
            let before: OrderId | undefined
            for (let n = 100; seen.length < 100; n++) {
              const slice = yield* orders.slice(filter, { before, limit: 4 })
              seen.push(...ids(slice))
              if (slice.next === undefined) break
              before = slice.next
              yield* orders.add(created(n + seen.length * 100, ada))
            }
            return seen
          })
          assert.deepStrictEqual(yield* walk({ userId: bob }), numbers(30, (n) => !ofAda(n)))
          assert.deepStrictEqual(
            yield* walk({ userId: ada, status: "PAID" }),
            numbers(30, (n) => ofAda(n) && n % 2 === 0)
          )
          assert.deepStrictEqual(yield* walk({ status: "PAID" }), numbers(30, (n) => ofAda(n) && n % 2 === 0))
          const everything = yield* walk({})
          assert.deepStrictEqual(everything.slice(-30), numbers(30, () => true))
          assert.lengthOf(new Set(everything), everything.length)
        })
      )

      promises(
        "end exactly where the last order is",
        Effect.gen(function*() {
          const orders = yield* filled
          for (const filter of [{ userId: bob }, { status: "PAID" as const }]) {
            const slice = yield* orders.slice(filter, { limit: 10 })
            assert.lengthOf(slice.orders, 10)
            assert.isUndefined(slice.next)
            assert.isDefined((yield* orders.slice(filter, { limit: 9 })).next)
          }
          assert.deepStrictEqual(yield* orders.slice({ userId: bob, status: "CANCELLED" }, { limit: 5 }), {
            orders: [],
            next: undefined
          })
        })
      )
    })

    promises(
      "keeps the largest amount exactly",
      Effect.gen(function*() {
        const orders = yield* OrderRepository
        const decision = Result.getOrThrow(
          Order.create(orderId(1), { amount: Amount.make(1_000_000_000_000) }, customer(ada), later(0.5))
        )
        yield* orders.add(decision)
        assert.strictEqual((yield* orders.byId(orderId(1))).amount, 1_000_000_000_000)
      })
    )
  })
