import type { Timestamp } from "@bufbuild/protobuf/wkt"
import { DateTime, Schema } from "effect"
import { Amount, MAX_AMOUNT } from "../Amount.ts"
import { OrderId, UserId } from "../Ids.ts"
import { CancellationReason, CancelSource, OrderStatus, type OrderVersion } from "../Order.ts"
import { PaymentFailureReason } from "../PaymentEvents.ts"
import * as Wire from "./gen/gstore/v1/events_pb.ts"

/**
 * A field whose value cannot be acted upon; the message names it. Thrown, because protobuf's own decoder throws too, and
 * both are caught in one place.
 */
export class Unreadable extends Error {}

const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)

const isOrderId = Schema.is(OrderId)
const isUserId = Schema.is(UserId)
const isAmount = Schema.is(Amount)

/** UUIDs come in either case; ours are lower case, so that equal ids are equal strings. */
export const orderId = (text: string): OrderId => {
  const id = text.toLowerCase()
  if (!isOrderId(id)) throw new Unreadable(`order_id is ${shown(text)}, not a UUID`)
  return id
}

export const userId = (text: string): UserId => {
  const id = text.toLowerCase()
  if (!isUserId(id)) throw new Unreadable(`user_id is ${shown(text)}, not a UUID`)
  return id
}

/** Whole minor units. Absent is 0 in protobuf, and no order costs nothing. */
export const amount = (wire: bigint): Amount => {
  const value = Number(wire)
  if (!isAmount(value)) throw new Unreadable(`amount is ${wire}, not between 1 and ${MAX_AMOUNT}`)
  return value
}

/** 0 is how other systems, which know no versions, leave it. */
export const version = (wire: bigint): { readonly version?: OrderVersion } => {
  if (wire === 0n) return {}
  if (wire < 0n || wire > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new Unreadable(`version is ${wire}, not between 1 and ${Number.MAX_SAFE_INTEGER}`)
  }
  return { version: Number(wire) }
}

const EPOCH = DateTime.makeUnsafe(0)
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in Unix seconds: what a protobuf timestamp and RFC 3339 can say. */
const FIRST_SECOND = -62_135_596_800n
const LAST_SECOND = 253_402_300_799n

/**
 * A moment, cut to milliseconds. An absent one reads as 1970, as in every protobuf library: it decides nothing about
 * money, and an order's times never go backwards whatever an event says.
 */
export const moment = (field: string, wire: Timestamp | undefined): DateTime.Utc => {
  if (wire === undefined) return EPOCH
  const { seconds, nanos } = wire
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0 || nanos > 999_999_999) {
    throw new Unreadable(
      `${field} is ${seconds} s and ${nanos} ns from 1970, which is no date between years 1 and 9999`
    )
  }
  return DateTime.makeUnsafe(Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000))
}

/** A status decides what happens to the order, so an unknown one is never guessed. */
export const orderStatus = (wire: Wire.OrderStatus): OrderStatus => {
  const status = OrderStatus.literals.find((name) => Wire.OrderStatus[name] === wire)
  if (status === undefined) throw new Unreadable(`status is ${wire}, which names no order status (1 to 7)`)
  return status
}

export const paymentStatus = (wire: Wire.PaymentStatus): "SUCCESS" | "FAILED" => {
  if (wire === Wire.PaymentStatus.SUCCESS) return "SUCCESS"
  if (wire === Wire.PaymentStatus.FAILED) return "FAILED"
  throw new Unreadable(`status is ${wire}, which names no payment status (1 SUCCESS, 2 FAILED)`)
}

/**
 * Why and by whom an order was cancelled. The order is cancelled whatever the reason, and a charge must be refunded, so
 * 0 and numbers of newer systems are read as the nearest thing known: a source that is not named follows from the
 * reason, a reason that is not named is the customer's only one, or the store's internal error.
 */
export const cancellation = (
  wireReason: Wire.CancellationReason,
  wireSource: Wire.CancelSource
): { readonly reason: CancellationReason; readonly source: CancelSource } => {
  const reason = CancellationReason.literals.find((name) => Wire.CancellationReason[name] === wireReason)
  const source = CancelSource.literals.find((name) => Wire.CancelSource[name] === wireSource)
    ?? (reason === "CHANGED_MIND" ? "CUSTOMER" : "STORE")
  return { reason: reason ?? (source === "CUSTOMER" ? "CHANGED_MIND" : "PAYMENT_INTERNAL_ERROR"), source }
}

/** Why a payment failed; absent where none is named or known, which counts as INTERNAL_ERROR. A success has none. */
export const failureReason = (
  status: Wire.PaymentStatus,
  wire: Wire.PaymentFailureReason | undefined
): { readonly failureReason?: PaymentFailureReason } => {
  if (status !== Wire.PaymentStatus.FAILED) return {}
  const known = PaymentFailureReason.literals.find((name) => Wire.PaymentFailureReason[name] === wire)
  return known === undefined ? {} : { failureReason: known }
}
