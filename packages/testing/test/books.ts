import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { Feed } from "@g-store/order-notification-service/Feed.ts"
import { OrderRepository } from "@g-store/order-service/application/OrderRepository.ts"
import { AccountRepository } from "@g-store/payment-service/application/AccountRepository.ts"
import { PaymentRepository } from "@g-store/payment-service/application/PaymentRepository.ts"
import { Context, Effect } from "effect"
import type { World } from "./world.ts"

/** Who takes part, and what they were given to spend; null is one without an account. */
export interface Buyer {
  readonly userId: UserId
  readonly funds: number | null
}

/** All that the three services say about these buyers and their orders. */
export const books = Effect.fnUntraced(
  function*(
    { letters, notifications, orders, payments }: World,
    buyers: ReadonlyArray<Buyer>,
    ids: ReadonlyArray<OrderId>
  ) {
    const repository = Context.get(orders, OrderRepository)
    const decisions = Context.get(payments, PaymentRepository)
    const accounts = Context.get(payments, AccountRepository)
    const feed = Context.get(notifications, Feed)
    return {
      orders: yield* Effect.forEach(ids, (id) =>
        Effect.all({
          order: repository.byId(id),
          history: repository.history(id),
          payment: Effect.catchTag(decisions.byOrder(id), "PaymentNotFound", () => Effect.succeed(null)),
          feedOrder: feed.order(id),
          updates: feed.updates(id, 0)
        })),
      accounts: yield* Effect.forEach(buyers, ({ funds, userId }) =>
        Effect.gen(function*() {
          if (funds === null) return { userId, funds, account: null, entries: [] }
          const account = yield* accounts.ofUser(userId)
          const entries = yield* accounts.entries(account.id, { before: undefined, limit: 100_000 })
          return { userId, funds, account, entries: entries.toReversed() }
        })),
      letters: yield* Effect.forEach(letters, (side) => side.list())
    }
  }
)

export type Books = Effect.Success<ReturnType<typeof books>>

/** What may follow what, as people were told. */
const successors: Readonly<Record<OrderStatus, ReadonlyArray<OrderStatus>>> = {
  PENDING: ["PAID", "CANCELLED"],
  PAID: ["ASSEMBLING", "CANCELLED"],
  ASSEMBLING: ["ASSEMBLED", "CANCELLED"],
  ASSEMBLED: ["DELIVERING", "CANCELLED"],
  DELIVERING: ["ISSUED", "CANCELLED"],
  ISSUED: [],
  CANCELLED: []
}

/** What is wrong with the books once nothing is under way any more; in words, so that a failing test says it all. */
export const faults = ({ accounts, letters, orders }: Books): ReadonlyArray<string> => {
  const found: Array<string> = []
  const check = (holds: boolean, what: string) => {
    if (!holds) found.push(what)
  }
  check(letters.flat().length === 0, `dead letters: ${letters.flat().map(({ reason }) => reason)}`)

  for (const { feedOrder, history, order, payment, updates } of orders) {
    const { amount, id, status } = order
    const name = `order ${id} (${status}, payment ${payment?.state})`
    const path = history.map((entry) => entry.status)
    check(
      history.every(({ version }, nth) => version === nth + 1),
      `${name}: versions ${history.map((e) => e.version)}`
    )
    check(path.at(0) === "PENDING" && path.at(-1) === status && order.version === path.length, `${name}: path ${path}`)
    check(path.slice(1).every((to, nth) => successors[path[nth] ?? "ISSUED"].includes(to)), `${name}: path ${path}`)
    const told = updates.map(({ data, type }) =>
      `${data.version} ${type === "order.cancelled" ? "CANCELLED" : data.status}`
    )
    check(
      told.join() === history.map((entry) => `${entry.version} ${entry.status}`).join(),
      `${name}: the feed tells ${told}`
    )
    check(
      feedOrder?.status === status && feedOrder.version === order.version,
      `${name}: the feed has ${feedOrder?.status}`
    )

    const agrees = status === "CANCELLED" ? ["REFUNDED", "VOIDED", "DECLINED"] : status === "PENDING" ? [] : ["CHARGED"]
    check(agrees.includes(payment?.state ?? "undecided"), `${name}: they do not agree`)
    check(
      payment?.amount === amount && payment.userId === order.userId,
      `${name}: the payment is of ${payment?.amount}`
    )
    const moved = accounts.flatMap(({ entries, userId }) =>
      entries.flatMap((entry) => entry.orderId === id ? [`${entry.type} ${entry.amount} ${userId}`] : [])
    )
    const charge = `PAYMENT ${amount} ${order.userId}`
    const refund = `REFUND ${amount} ${order.userId}`
    const due = payment?.state === "CHARGED" ? [charge] : payment?.state === "REFUNDED" ? [charge, refund] : []
    check(moved.join() === due.join(), `${name}: the ledger has ${moved}`)
  }

  for (const { account, entries, funds, userId } of accounts) {
    if (account === null) continue
    let balance = 0n
    for (const [nth, entry] of entries.entries()) {
      balance += entry.type === "PAYMENT" ? -BigInt(entry.amount) : BigInt(entry.amount)
      check(
        entry.number === nth + 1 && entry.balanceAfter === balance,
        `${userId}: entry ${entry.number} says ${entry.balanceAfter}`
      )
      check(balance >= 0n, `${userId}: was at ${balance}`)
    }
    const spent = orders.reduce(
      (sum, { order, payment }) => order.userId === userId && payment?.state === "CHARGED" ? sum + order.amount : sum,
      0
    )
    check(account.balance === balance, `${userId}: holds ${account.balance}, the ledger says ${balance}`)
    check(
      account.balance === BigInt((funds ?? 0) - spent),
      `${userId}: had ${funds}, spent ${spent}, holds ${account.balance}`
    )
  }
  return found
}
