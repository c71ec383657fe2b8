import type { OrderStatus } from "@g-store/contracts/Order.ts"
import type { Finding, Invariant } from "./Finding.ts"

/** One order as its own database has it. */
export interface AuditedOrder {
  readonly id: string
  readonly userId: string
  readonly amount: number
  readonly status: OrderStatus
  readonly version: number
  /** By version; the age is in seconds, on the database's clock. */
  readonly history: ReadonlyArray<{ readonly version: number; readonly status: OrderStatus; readonly age: number }>
}

/** What payment-service knows of the same order, read later. */
export interface AuditedPayment {
  readonly userId: string
  readonly state: "CHARGED" | "DECLINED" | "REFUNDED" | "VOIDED"
  readonly amount: number | undefined
  readonly accountId: string | undefined
  readonly entries: ReadonlyArray<{
    readonly type: "TOP_UP" | "PAYMENT" | "REFUND"
    readonly amount: number
    readonly accountId: string
    readonly accountUserId: string
  }>
}

/** The order's rows of the feed; undefined where there is no feed to look at. */
export type AuditedFeed = ReadonlyArray<{ readonly version: number; readonly status: OrderStatus }> | undefined

// The audit says the rules again, on purpose in other words than the services do: a check that shares its subject's code
// shares its faults.
const successors: Readonly<Record<OrderStatus, ReadonlyArray<OrderStatus>>> = {
  PENDING: ["PAID", "CANCELLED"],
  PAID: ["ASSEMBLING", "CANCELLED"],
  ASSEMBLING: ["ASSEMBLED", "CANCELLED"],
  ASSEMBLED: ["DELIVERING", "CANCELLED"],
  DELIVERING: ["ISSUED", "CANCELLED"],
  ISSUED: [],
  CANCELLED: []
}

const history = (order: AuditedOrder): string | undefined => {
  const rows = order.history
  if (rows.length !== order.version) return `has ${rows.length} entries at version ${order.version}`
  for (const [index, row] of rows.entries()) {
    if (row.version !== index + 1) return `has version ${row.version} where ${index + 1} belongs`
    const before = rows[index - 1]?.status
    if (before === undefined ? row.status !== "PENDING" : !successors[before].includes(row.status)) {
      return `goes from ${before ?? "nothing"} to ${row.status}`
    }
  }
  const last = rows.at(-1)?.status
  return last === order.status ? undefined : `ends with ${last} but the order is ${order.status}`
}

const money = (order: AuditedOrder, payment: AuditedPayment): string | undefined => {
  const charged = payment.state === "CHARGED" || payment.state === "REFUNDED"
  for (
    const [type, wanted] of [["PAYMENT", charged ? 1 : 0], ["REFUND", payment.state === "REFUNDED" ? 1 : 0]] as const
  ) {
    const booked = payment.entries.filter((entry) => entry.type === type)
    if (booked.length !== wanted) return `is ${payment.state} with ${booked.length} ${type} entries`
    for (const entry of booked) {
      if (entry.amount !== order.amount) return `costs ${order.amount} but ${type} booked ${entry.amount}`
      if (entry.accountId !== payment.accountId) return `was booked on another account than its payment names`
      if (entry.accountUserId !== order.userId) return `was booked on an account of user ${entry.accountUserId}`
    }
  }
  if (payment.userId !== order.userId) return `belongs to ${order.userId} but its payment to ${payment.userId}`
  if (payment.amount !== undefined && payment.amount !== order.amount) {
    return `costs ${order.amount} but its payment is of ${payment.amount}`
  }
  return undefined
}

const agreement = (order: AuditedOrder, payment: AuditedPayment): string | undefined => {
  const charged = payment.state === "CHARGED"
  if (order.status === "PENDING") return `is PENDING although its payment is ${payment.state}`
  if (order.status === "CANCELLED") return charged ? "is CANCELLED but CHARGED" : undefined
  return charged ? undefined : `is ${order.status} but its payment is ${payment.state}`
}

const feed = (order: AuditedOrder, rows: NonNullable<AuditedFeed>, retention: number): string | undefined => {
  const known = new Map(order.history.map((row) => [row.version, row.status]))
  const fed = new Map(rows.map((row) => [row.version, row.status]))
  for (const [version, status] of fed) {
    if (known.get(version) !== status) {
      return `the feed has ${status} at version ${version}, the history ${known.get(version)}`
    }
  }
  const missing = order.history.find((row) => !fed.has(row.version) && row.age < retention)
  return missing === undefined ? undefined : `the feed lacks version ${missing.version}`
}

/**
 * Everything that is wrong with one order. What other services still have to do about it is `inFlight`: it becomes a
 * breach only by staying.
 */
export const auditOrder = (
  order: AuditedOrder,
  payment: AuditedPayment | undefined,
  fed: AuditedFeed,
  feedRetentionSeconds: number
): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const add = (invariant: Invariant, detail: string | undefined, inFlight: boolean) => {
    if (detail !== undefined) findings.push({ invariant, id: order.id, detail, inFlight })
  }
  add("history-is-a-path", history(order), false)
  if (payment === undefined) add("one-decision", `is ${order.status} and undecided`, true)
  else {
    add("one-payment-one-refund", money(order, payment), false)
    add("status-agrees-with-payment", agreement(order, payment), true)
    if (payment.amount === undefined) add("one-decision", "was voided before its creation arrived", true)
  }
  if (fed !== undefined) add("feed-equals-history", feed(order, fed, feedRetentionSeconds), true)
  return findings
}
