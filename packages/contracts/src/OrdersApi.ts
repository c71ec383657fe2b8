import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authentication, EdgeProblems, RateLimit } from "./Actor.ts"
import { Amount } from "./Amount.ts"
import { apiDocument } from "./ApiDocument.ts"
import { OrderId, UserId } from "./Ids.ts"
import {
  CustomerCancellationReason,
  Description,
  HistoryEntry,
  Order,
  OrderStatus,
  StaffCancellationReason
} from "./Order.ts"
import { OrderNotFound, TransitionNotAllowed } from "./OrderErrors.ts"
import { Forbidden, IdempotencyKeyInUse, IdempotencyKeyReused, VersionMismatch } from "./Problems.ts"
import { Cursor, idempotencyKey, ifMatch, Limit } from "./Requests.ts"

export const CreateOrder = Schema.Struct({
  amount: Amount,
  description: Schema.optionalKey(Description)
}).annotate({ identifier: "CreateOrder" })
export type CreateOrder = typeof CreateOrder.Type

export const OrderAccepted = Schema.Struct({ orderId: OrderId }).annotate({ identifier: "OrderAccepted" })
export type OrderAccepted = typeof OrderAccepted.Type

/** A numbered page, with how many there are in all. */
export const OrderPage = Schema.Struct({
  orders: Schema.Array(Order),
  page: Schema.Int,
  limit: Schema.Int,
  total: Schema.Int
}).annotate({ identifier: "OrderPage" })
export type OrderPage = typeof OrderPage.Type

/** A page that stays in place while orders are added; without `nextCursor` it is the last. */
export const OrderSlice = Schema.Struct({
  orders: Schema.Array(Order),
  limit: Schema.Int,
  nextCursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "OrderSlice" })
export type OrderSlice = typeof OrderSlice.Type

export const OrderHistory = Schema.Struct({ entries: Schema.Array(HistoryEntry) }).annotate({
  identifier: "OrderHistory"
})
export type OrderHistory = typeof OrderHistory.Type

export const CancelOrder = Schema.Struct({ cancellationReason: Schema.optionalKey(CustomerCancellationReason) })
  .annotate({ identifier: "CancelOrder" })

export const CancelOrderByStaff = Schema.Struct({ cancellationReason: StaffCancellationReason })
  .annotate({ identifier: "CancelOrderByStaff" })

export const ChangeStatus = Schema.Struct({ status: OrderStatus }).annotate({ identifier: "ChangeStatus" })

const params = { id: OrderId }
const keyReuse = [IdempotencyKeyInUse, IdempotencyKeyReused] as const
const page = Schema.Int
  .check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 }))
  .annotate({ description: "Counted from 1", examples: [1] })

export class OrdersGroup extends HttpApiGroup.make("orders")
  .add(
    HttpApiEndpoint.post("create", "/v1/orders", {
      headers: idempotencyKey,
      payload: CreateOrder,
      success: HttpApiSchema.WithHeaders(OrderAccepted.pipe(HttpApiSchema.status(201)), { location: Schema.String }),
      error: [Forbidden, ...keyReuse]
    }).annotateMerge(OpenApi.annotations({
      summary: "Create an order",
      description: "Accepts the order; its payment follows at once and makes it PAID or CANCELLED."
    })),
    HttpApiEndpoint.get("list", "/v1/orders", {
      query: {
        page: Schema.optionalKey(page),
        limit: Schema.optionalKey(Limit),
        status: Schema.optionalKey(OrderStatus),
        cursor: Schema.optionalKey(Cursor)
      },
      success: Schema.Union([OrderPage, OrderSlice]),
      error: Forbidden
    }).annotateMerge(OpenApi.annotations({
      summary: "List own orders, newest first",
      description: "Numbered pages by default; with a `cursor` parameter (empty to begin) pages that stay in place."
    })),
    HttpApiEndpoint.get("byId", "/v1/orders/:id", {
      params,
      success: HttpApiSchema.WithHeaders(Order, { etag: Schema.String }),
      error: [Forbidden, OrderNotFound]
    }).annotateMerge(OpenApi.annotations({ summary: "Read an order" })),
    HttpApiEndpoint.get("history", "/v1/orders/:id/history", {
      params,
      success: OrderHistory,
      error: [Forbidden, OrderNotFound]
    }).annotateMerge(OpenApi.annotations({ summary: "Read what happened to an order, and by whom" })),
    HttpApiEndpoint.post("cancel", "/v1/orders/:id/cancel", {
      params,
      headers: { ...idempotencyKey, ...ifMatch },
      // Two schemas rather than NullOr: only so does HttpApi take an absent body as null.
      payload: [Schema.Null, CancelOrder],
      success: HttpApiSchema.NoContent,
      error: [Forbidden, OrderNotFound, TransitionNotAllowed, VersionMismatch, ...keyReuse]
    }).annotateMerge(OpenApi.annotations({
      summary: "Cancel an own order",
      description: "The body is optional. Money that was taken comes back."
    }))
  )
  .annotateMerge(OpenApi.annotations({ title: "Orders", description: "What customers do with their orders" }))
{}

export class StaffOrdersGroup extends HttpApiGroup.make("staffOrders")
  .add(
    HttpApiEndpoint.get("staffList", "/v1/staff/orders", {
      query: {
        status: Schema.optionalKey(OrderStatus),
        userId: Schema.optionalKey(UserId),
        cursor: Schema.optionalKey(Cursor),
        limit: Schema.optionalKey(Limit)
      },
      success: OrderSlice,
      error: Forbidden
    }).annotateMerge(OpenApi.annotations({ summary: "List everybody's orders, newest first" })),
    HttpApiEndpoint.patch("changeStatus", "/v1/staff/orders/:id/status", {
      params,
      headers: { ...idempotencyKey, ...ifMatch },
      payload: ChangeStatus,
      success: HttpApiSchema.NoContent,
      error: [Forbidden, OrderNotFound, TransitionNotAllowed, VersionMismatch, ...keyReuse]
    }).annotateMerge(OpenApi.annotations({
      summary: "Move a paid order one step on",
      description: "PAID -> ASSEMBLING -> ASSEMBLED -> DELIVERING -> ISSUED, one step at a time."
    })),
    HttpApiEndpoint.post("staffCancel", "/v1/staff/orders/:id/cancel", {
      params,
      headers: { ...idempotencyKey, ...ifMatch },
      payload: CancelOrderByStaff,
      success: HttpApiSchema.NoContent,
      error: [Forbidden, OrderNotFound, TransitionNotAllowed, VersionMismatch, ...keyReuse]
    }).annotateMerge(OpenApi.annotations({ summary: "Cancel an order for the store" }))
  )
  .annotateMerge(OpenApi.annotations({ title: "Staff", description: "What staff do with orders" }))
{}

/** The one definition behind order-service's server, the typed client, the tests and its openapi.json. */
export class OrdersApi extends HttpApi.make("orders")
  .add(OrdersGroup)
  .add(StaffOrdersGroup)
  .middleware(RateLimit)
  .middleware(Authentication)
  .middleware(EdgeProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(OpenApi.Transform, apiDocument)
  .annotateMerge(OpenApi.annotations({
    title: "g-store orders",
    version: "1.0.0",
    description: "Orders from creation to issue or cancellation."
  }))
{}
