import { CurrentCaller } from "@g-store/contracts/Actor.ts"
import { OrderId } from "@g-store/contracts/Ids.ts"
import { OrdersApi } from "@g-store/contracts/OrdersApi.ts"
import { RequestInvalid, ServiceUnavailable } from "@g-store/contracts/Problems.ts"
import { DEFAULT_LIMIT } from "@g-store/contracts/Requests.ts"
import { idempotencyKeyOf, makeIdempotent, orKeyProblems, respond } from "@g-store/service-kit/Idempotent.ts"
import { etag, expectedVersions } from "@g-store/service-kit/Preconditions.ts"
import { orServiceUnavailable } from "@g-store/service-kit/Unavailable.ts"
import { Effect, Layer, Option, Schema } from "effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import { Orders } from "../application/Orders.ts"

/**
 * Where the gateway serves this API. `Location` is built on it, because that is the address under which callers know the
 * order; a caller inside the network takes the id from the body.
 */
export const PUBLIC_PATH = "/api/orders"

const NO_CONTENT = { status: 204 }

const decodeCursor = Schema.decodeOption(OrderId)

/** A cursor is the id of the last order before it; an empty one begins. */
const cursorOf = (cursor: string | undefined): Effect.Effect<OrderId | undefined, RequestInvalid> =>
  cursor === undefined || cursor === "" ? Effect.undefined : Option.match(decodeCursor(cursor), {
    onSome: Effect.succeed,
    onNone: () =>
      new RequestInvalid({
        detail: "Mend cursor in the query: Expected a cursor as nextCursor gave it, or an empty string.",
        errors: [{ path: ["cursor"], message: "Expected a cursor as nextCursor gave it, or an empty string" }]
      })
  })

/** More than the database can take just now: nothing was done, and a second later there is room again. */
const overloaded = new ServiceUnavailable({
  retryAfter: 1,
  detail: "Too many orders are being created at this moment. Nothing was done; try again in a second."
})

export const OrdersHandlers = HttpApiBuilder.group(
  OrdersApi,
  "orders",
  Effect.fn(function*(handlers) {
    const orders = yield* Orders
    const idempotent = yield* makeIdempotent
    return handlers.handleAll({
      // Not through `idempotent`: creates are committed in groups, and their keys with them.
      create: (request) =>
        CurrentCaller.use((caller) => orders.create(caller, request.payload, idempotencyKeyOf(request, caller))).pipe(
          Effect.map(({ orderId, replayed }) =>
            respond(
              { status: 201, headers: { location: `${PUBLIC_PATH}/v1/orders/${orderId}` }, body: { orderId } },
              replayed
            )
          ),
          Effect.catchTag("Overloaded", () => Effect.fail(overloaded)),
          orKeyProblems
        ),
      list: Effect.fnUntraced(function*({ query: { cursor, limit = DEFAULT_LIMIT, page = 1, status } }) {
        const caller = yield* CurrentCaller
        if (cursor === undefined) return { ...yield* orders.page(caller, status, { page, limit }), page, limit }
        const before = yield* cursorOf(cursor)
        return toSlice(limit, yield* orders.slice(caller, status, { before, limit }))
      }, orServiceUnavailable),
      byId: ({ params }) =>
        CurrentCaller.use((caller) => orders.byId(caller, params.id)).pipe(
          Effect.map((order) => HttpApiSchema.withHeaders({ body: order, headers: { etag: etag(order.version) } })),
          orServiceUnavailable
        ),
      history: ({ params }) =>
        CurrentCaller.use((caller) => orders.history(caller, params.id)).pipe(
          Effect.map((entries) => ({ entries })),
          orServiceUnavailable
        ),
      cancel: (request) =>
        idempotent(
          // No body, an empty one and the default spelt out ask for the same.
          { ...request, payload: { cancellationReason: request.payload?.cancellationReason ?? "CHANGED_MIND" } },
          Effect.gen(function*() {
            const expected = yield* expectedVersions(request.headers["if-match"])
            const reason = request.payload?.cancellationReason ?? "CHANGED_MIND"
            yield* orders.cancel(yield* CurrentCaller, request.params.id, { reason, expected })
            return NO_CONTENT
          })
        ).pipe(orServiceUnavailable)
    })
  })
).pipe(Layer.provide(Orders.layer))

export const StaffOrdersHandlers = HttpApiBuilder.group(
  OrdersApi,
  "staffOrders",
  Effect.fn(function*(handlers) {
    const orders = yield* Orders
    const idempotent = yield* makeIdempotent
    return handlers.handleAll({
      staffList: Effect.fnUntraced(function*({ query: { cursor, limit = DEFAULT_LIMIT, status, userId } }) {
        const before = yield* cursorOf(cursor)
        const filter = { status, userId }
        return toSlice(limit, yield* orders.sliceOfAll(yield* CurrentCaller, filter, { before, limit }))
      }, orServiceUnavailable),
      changeStatus: (request) =>
        idempotent(
          request,
          Effect.gen(function*() {
            const expected = yield* expectedVersions(request.headers["if-match"])
            const to = request.payload.status
            yield* orders.move(yield* CurrentCaller, request.params.id, { to, expected })
            return NO_CONTENT
          })
        ).pipe(orServiceUnavailable),
      staffCancel: (request) =>
        idempotent(
          request,
          Effect.gen(function*() {
            const expected = yield* expectedVersions(request.headers["if-match"])
            const reason = request.payload.cancellationReason
            yield* orders.cancel(yield* CurrentCaller, request.params.id, { reason, expected })
            return NO_CONTENT
          })
        ).pipe(orServiceUnavailable)
    })
  })
).pipe(Layer.provide(Orders.layer))

const toSlice = <A>(
  limit: number,
  { next, orders }: { readonly orders: ReadonlyArray<A>; readonly next?: OrderId | undefined }
) => ({
  orders,
  limit,
  ...(next === undefined ? {} : { nextCursor: next })
})
