import type { Caller } from "@g-store/contracts/Actor.ts"
import { OrderId } from "@g-store/contracts/Ids.ts"
import type { CancellationReason, OrderStatus } from "@g-store/contracts/Order.ts"
import type { CreateOrder } from "@g-store/contracts/OrdersApi.ts"
import type { IdempotencyKey } from "@g-store/messaging/Idempotency.ts"
import { Context, DateTime, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import * as Order from "../domain/Order.ts"
import * as OrderPolicy from "../domain/OrderPolicy.ts"
import { type OrderFilter, OrderRepository } from "./OrderRepository.ts"

/** Everything that people can ask of orders. What payments do to them is in Payments.ts. */
export class Orders extends Context.Service<Orders>()("@g-store/order-service/Orders", {
  make: Effect.gen(function*() {
    const repository = yield* OrderRepository
    const random = yield* SecureRandom.SecureRandom

    // The hot path: Effect.fn would note its caller's stack at each call, which costs more than the rest of this.
    const create = Effect.fnUntraced(
      function*(caller: Caller, input: CreateOrder, key: IdempotencyKey | undefined) {
        const id = OrderId.make(yield* random.uuidV7())
        const decision = yield* Effect.fromResult(Order.create(id, input, caller, yield* DateTime.now))
        return yield* repository.add(decision, key)
      },
      (effect) => Effect.withSpan(effect, "Orders.create", { captureStackTrace: false })
    )

    const cancel = Effect.fn("Orders.cancel")(
      function*(caller: Caller, id: OrderId, change: Order.Change & { readonly reason: CancellationReason }) {
        // Asked before the order is looked for: the wrong role is 403 whether or not there is such an order.
        yield* Effect.fromResult(OrderPolicy.mayCancel(caller, change.reason))
        const now = yield* DateTime.now
        return yield* repository.update(id, (order) => Order.cancel(order, change, caller, now))
      }
    )

    const move = Effect.fn("Orders.move")(
      function*(caller: Caller, id: OrderId, change: Order.Change & { readonly to: OrderStatus }) {
        yield* Effect.fromResult(OrderPolicy.mayMove(caller))
        const now = yield* DateTime.now
        return yield* repository.update(id, (order) => Order.move(order, change, caller, now))
      }
    )

    const byId = Effect.fn("Orders.byId")(function*(caller: Caller, id: OrderId) {
      const order = yield* repository.byId(id)
      yield* Effect.fromResult(OrderPolicy.canSee(order, caller))
      return order
    })

    const history = Effect.fn("Orders.history")(function*(caller: Caller, id: OrderId) {
      yield* byId(caller, id)
      return yield* repository.history(id)
    })

    const page = Effect.fn("Orders.page")(
      function*(
        caller: Caller,
        status: OrderStatus | undefined,
        at: { readonly page: number; readonly limit: number }
      ) {
        const { userId } = yield* Effect.fromResult(OrderPolicy.mayOrder(caller))
        return yield* repository.page({ userId, status }, at)
      }
    )

    const slice = Effect.fn("Orders.slice")(
      function*(
        caller: Caller,
        status: OrderStatus | undefined,
        at: { readonly before: OrderId | undefined; readonly limit: number }
      ) {
        const { userId } = yield* Effect.fromResult(OrderPolicy.mayOrder(caller))
        return yield* repository.slice({ userId, status }, at)
      }
    )

    const sliceOfAll = Effect.fn("Orders.sliceOfAll")(
      function*(
        caller: Caller,
        filter: OrderFilter,
        at: { readonly before: OrderId | undefined; readonly limit: number }
      ) {
        yield* Effect.fromResult(OrderPolicy.maySeeAll(caller))
        return yield* repository.slice(filter, at)
      }
    )

    return { create, cancel, move, byId, history, page, slice, sliceOfAll }
  })
}) {
  static readonly layer = Layer.effect(this, this.make)
}
