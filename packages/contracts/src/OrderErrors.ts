import { HttpApiError } from "effect/http-api"
import { OrderId } from "./Ids.ts"
import { OrderStatus } from "./Order.ts"
import { members } from "./Problems.ts"

/** 404: no such order. */
export class OrderNotFound extends HttpApiError.Problem<OrderNotFound>()("OrderNotFound", {
  type: "urn:g-store:order-not-found",
  status: 404,
  title: "Order not found"
}, { ...members, orderId: OrderId }) {
  static of(orderId: OrderId): OrderNotFound {
    return new OrderNotFound({ orderId, detail: `There is no order ${orderId}.` })
  }
}

/** 409: the order's life does not go from its status to that one, or not by this caller. */
export class TransitionNotAllowed extends HttpApiError.Problem<TransitionNotAllowed>()("TransitionNotAllowed", {
  type: "urn:g-store:transition-not-allowed",
  status: 409,
  title: "Transition not allowed"
}, { ...members, from: OrderStatus, to: OrderStatus }) {}
