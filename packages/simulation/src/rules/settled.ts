import type { HistoryEntry, Order } from "@g-store/contracts/Order.ts"
import { SHARDS } from "@g-store/messaging/Outbox.ts"
import type { FeedEvent } from "@g-store/order-notification-service/Feed.ts"
import type { LedgerEntry } from "@g-store/payment-service/domain/Account.ts"
import type { Payment } from "@g-store/payment-service/domain/Payment.ts"
import type { Broker } from "../servers/Broker.ts"
import type { DatabaseServer } from "../servers/DatabaseServer.ts"
import { accountId } from "../store/Customers.ts"
import type { Journal } from "../store/Journal.ts"
import type { Names } from "../store/Names.ts"
import type { Subscriber } from "../store/Subscriber.ts"
import type { Errand } from "../store/Workload.ts"
import { historyOf } from "./history.ts"
import { checkLetters, leftOut, missingLetter, unsettledLetters } from "./letters.ts"
import type { Violations } from "./Violations.ts"

export interface Everything {
  readonly workload: ReadonlyArray<Errand>
  readonly ordersDb: DatabaseServer
  readonly paymentsDb: DatabaseServer
  readonly feedDb: DatabaseServer
  readonly broker: Broker
  readonly subscribers: ReadonlyArray<Subscriber>
  readonly journal: Journal
  readonly names: Names
  /** Errands that are not done. */
  readonly open: () => number
}

const outboxDepth = (database: DatabaseServer): number => {
  let depth = 0
  for (let shard = 0; shard < SHARDS; shard++) depth += database.table(`outbox/${shard}`).size
  return depth
}

const NOTHING: ReadonlySet<string> = new Set()

/** Which decisions the order's status allows, when these events of it were left out by an operator. */
const allowed = ({ status }: Order, without: ReadonlySet<string>): ReadonlyArray<Payment["state"] | undefined> => {
  const isCancelKnown = status === "CANCELLED" && !without.has("OrderCancelled")
  if (without.has("OrderCreated")) {
    return status === "CANCELLED" || status === "PENDING" ? [isCancelKnown ? "VOIDED" : undefined] : []
  }
  if (isCancelKnown) return ["DECLINED", "REFUNDED", "VOIDED"]
  if (status === "CANCELLED") return ["CHARGED", "DECLINED"]
  // Without its payment's word an order stays where it is, until somebody cancels it.
  if (status === "PENDING") return without.has("PaymentProcessed") ? ["CHARGED", "DECLINED"] : []
  return without.has("PaymentProcessed") ? [] : ["CHARGED"]
}

/** What is not yet as it has to be in the end; undefined once everything is. Each is allowed while faults go on. */
export const unsettled = (all: Everything): string | undefined => {
  const { broker, feedDb, names, ordersDb, paymentsDb, subscribers } = all
  if (all.open() > 0) return `${all.open()} errands wait`
  for (const database of [ordersDb, paymentsDb]) {
    if (outboxDepth(database) > 0) return `the outbox of ${database.name} holds ${outboxDepth(database)}`
  }
  for (const group of broker.groups.values()) {
    // Replicas of notifications go by positions of their own, in the feed's database.
    if (group.name.includes("notification")) continue
    // Also while nobody is in the group.
    for (const log of [...group.topics].flatMap((topic) => broker.topics.get(topic) ?? [])) {
      if ((group.committed.get(log) ?? 0) < log.messages.length) return `${group.name} is behind in ${log.topic}`
    }
  }
  const missing = missingLetter({ orders: ordersDb, payments: paymentsDb, notify: feedDb }, all.workload)
  if (missing !== undefined) return missing
  for (const database of [ordersDb, paymentsDb, feedDb]) {
    const letters = unsettledLetters(database, names)
    if (letters !== undefined) return letters
  }
  const without = leftOut([ordersDb, paymentsDb])
  for (const order of ordersDb.table<Order>("orders").values()) {
    const name = names.of(order.id)
    const payment = paymentsDb.table<Payment>("payments").get(order.id)
    if (!allowed(order, without.get(order.id) ?? NOTHING).includes(payment?.state)) {
      return `${name} is ${order.status} with its payment ${payment?.state ?? "undecided"}`
    }
    const entries = historyOf(ordersDb, order.id)
    for (const { status, version } of entries) {
      const event = feedDb.table<FeedEvent>("feed").get(`${order.id}/${version}`)
      if (event?.status !== status) return `the feed lacks ${name}/${version}`
    }
    for (const subscriber of subscribers) {
      const last = subscriber.last(order.id)
      if (last !== undefined && last < entries.length) return `${subscriber.name} is at ${name}/${last}`
    }
  }
  return undefined
}

/** What must hold once all is settled. */
export const checkSettled = (all: Everything, violations: Violations): void => {
  const { feedDb, journal, names, ordersDb, paymentsDb, subscribers } = all
  checkLetters({ orders: ordersDb, payments: paymentsDb, notify: feedDb }, all.workload, journal, names, violations)
  const orders = ordersDb.table<Order>("orders")
  const histories = new Map<string, ReadonlyArray<HistoryEntry>>()
  for (const id of orders.keys()) histories.set(id, historyOf(ordersDb, id))
  const versions = [...histories.values()].reduce((sum, entries) => sum + entries.length, 0)
  if (feedDb.table("feed").size !== versions) violations.report("the feed holds more than the histories")
  for (const id of paymentsDb.table("payments").keys()) {
    if (!orders.has(id)) violations.report("there is a payment of no order")
  }
  for (const subscriber of subscribers) {
    for (const [id, log] of subscriber.logs) {
      const wanted = (histories.get(id) ?? []).slice(log.from).map(({ status, version }) => `${version} ${status}`)
      if (wanted.join() !== log.seen.join()) {
        violations.report(`${subscriber.name} saw of ${names.of(id)}: ${log.seen.join()}; it was ${wanted.join()}`)
      }
    }
  }
  if (orders.size !== journal.placed.size) violations.report("there are orders that nobody was told of")
  for (const [name, id] of journal.placed) {
    if (!orders.has(id)) violations.report(`${name} was acknowledged and is lost`)
  }
  for (const { ask, name, orderId } of journal.changed) {
    const status = ask === "cancel" || ask === "staffCancel" ? "CANCELLED" : ask
    if (histories.get(orderId)?.some((entry) => entry.status === status) !== true) {
      violations.report(`${ask} of ${name} was acknowledged and is lost`)
    }
  }
  const entries = [...paymentsDb.table<LedgerEntry>("ledger").values()]
  const topUps = entries.filter(({ number, type }) => type === "TOP_UP" && number > 1)
  if (topUps.length !== journal.toppedUp.length) {
    violations.report(`${journal.toppedUp.length} top-ups were acknowledged, ${topUps.length} are booked`)
  }
  for (const { amount, name, user } of journal.toppedUp) {
    if (!topUps.some((entry) => entry.accountId === accountId(user) && entry.amount === amount)) {
      violations.report(`${name} was acknowledged and is lost`)
    }
  }
}
