import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Authentication, EdgeProblems, RateLimit } from "./Actor.ts"
import { apiDocument } from "./ApiDocument.ts"
import { OrderId } from "./Ids.ts"
import { OrderNotFound } from "./OrderErrors.ts"
import { Forbidden } from "./Problems.ts"
import { OrderUpdate } from "./Socket.ts"

export const OrderUpdates = Schema.Struct({ events: Schema.Array(OrderUpdate) }).annotate({
  identifier: "OrderUpdates"
})

export class UpdatesGroup extends HttpApiGroup.make("updates")
  .add(
    HttpApiEndpoint.get("updates", "/v1/orders/:orderId/events", {
      params: { orderId: OrderId },
      query: {
        afterVersion: Schema.optionalKey(
          Schema.Int
            .check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
            .annotate({ description: "Only what came after this version; 0 for everything", examples: [0] })
        )
      },
      success: OrderUpdates,
      error: [Forbidden, OrderNotFound]
    }).annotateMerge(OpenApi.annotations({
      summary: "Read an order's updates",
      description: "The same objects that the WebSocket sends, in version order."
    }))
  )
  .annotateMerge(
    OpenApi.annotations({ title: "Updates", description: "What happened to an order, as subscribers see it" })
  )
{}

/** The one definition behind order-notification-service's HTTP side; its socket is described by asyncapi.json. */
export class NotificationsApi extends HttpApi.make("notifications")
  .add(UpdatesGroup)
  .middleware(RateLimit)
  .middleware(Authentication)
  .middleware(EdgeProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(OpenApi.Transform, apiDocument)
  .annotateMerge(OpenApi.annotations({
    title: "g-store notifications",
    version: "1.0.0",
    description: "Order updates by request. Live ones come over the WebSocket at /ws/orders/, see asyncapi.json."
  }))
{}
