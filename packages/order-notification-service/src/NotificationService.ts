import { NotificationsApi } from "@g-store/contracts/NotificationsApi.ts"
import { consume } from "@g-store/messaging/Inbox.ts"
import { retention } from "@g-store/messaging/Retention.ts"
import { retentionInbox } from "@g-store/service-kit/ServiceConfig.ts"
import { serviceRoutes } from "@g-store/service-kit/ServiceRoutes.ts"
import { Effect, Layer } from "effect"
import { AsyncApiRoutes } from "./asyncApi.ts"
import { feedRetention } from "./feedRetention.ts"
import { PUBLIC_PATH, UpdatesHandlers } from "./http.ts"
import { TailedBus } from "./LiveTail.ts"
import { makeDecodeOrderEvent, makeOrdersConsumer } from "./orders.ts"

/** What order-notification-service answers over HTTP; its sockets are OrderSocket. */
export const NotificationService = Layer.merge(
  serviceRoutes(NotificationsApi, UpdatesHandlers, { publicPath: PUBLIC_PATH }),
  AsyncApiRoutes
)

const Retention = Layer.unwrap(Effect.map(retentionInbox, (inbox) => retention(["inbox"], { inbox })))

/**
 * What order-notification-service does by itself: take every order event into the feed and on to this replica's sockets,
 * and forget what has become too old. `group` is this replica's own on the bus.
 */
export const NotificationWorkers = (group: string) =>
  Layer.unwrap(Effect.sync(() => {
    const decodeOrderEvent = makeDecodeOrderEvent()
    return Layer.unwrap(Effect.map(makeOrdersConsumer(decodeOrderEvent), (consumer) => consume(consumer))).pipe(
      Layer.provide(TailedBus(group, decodeOrderEvent)),
      Layer.merge(Layer.merge(Retention, feedRetention))
    )
  }))
