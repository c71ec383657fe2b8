import { CurrentCaller } from "@g-store/contracts/Actor.ts"
import { NotificationsApi } from "@g-store/contracts/NotificationsApi.ts"
import { OrderNotFound } from "@g-store/contracts/OrderErrors.ts"
import { Forbidden } from "@g-store/contracts/Problems.ts"
import { orServiceUnavailable } from "@g-store/service-kit/Unavailable.ts"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Feed } from "./Feed.ts"

/** Where the gateway serves this API. */
export const PUBLIC_PATH = "/api/notifications"

export const UpdatesHandlers = HttpApiBuilder.group(
  NotificationsApi,
  "updates",
  Effect.fn(function*(handlers) {
    const feed = yield* Feed
    return handlers.handleAll({
      updates: Effect.fnUntraced(function*({ params: { orderId }, query: { afterVersion = 0 } }) {
        const caller = yield* CurrentCaller
        const order = yield* feed.order(orderId)
        if (order === undefined) return yield* OrderNotFound.of(orderId)
        if (caller._tag === "Customer" && caller.userId !== order.userId) {
          return yield* new Forbidden({ detail: "This order is not yours." })
        }
        return { events: yield* feed.updates(orderId, afterVersion) }
      }, orServiceUnavailable)
    })
  })
)
