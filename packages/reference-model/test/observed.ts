import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { Effect } from "effect"
import type { State } from "../src/Notebook.ts"
import type { Rig } from "./Rig.ts"

/**
 * What the services have of a customer and their orders, in the model's words; and what is wrong with it whatever the
 * model says: places that do not agree with each other, a dead letter.
 */
export const observed = Effect.fnUntraced(
  function*(rig: Rig, userId: UserId, ids: ReadonlyArray<OrderId | undefined>) {
    const faults: Array<string> = []
    const check = (holds: boolean, what: string) => {
      if (!holds) faults.push(what)
    }

    const orders: Array<State["orders"][number]> = []
    const payments: Array<State["payments"][number]> = []
    for (const [at, id] of ids.entries()) {
      if (id === undefined) {
        orders.push(null)
        payments.push(null)
        continue
      }
      const order = yield* rig.orderRows.byId(id)
      const history = yield* rig.orderRows.history(id)
      const last = history.at(-1)
      check(
        history.every(({ version }, nth) => version === nth + 1),
        `order ${at} has versions ${history.map((e) => e.version)}`
      )
      check(
        order.status === last?.status && order.version === last.version && order.cancellationReason === last.reason,
        `order ${at} is ${order.status} ${order.version}, its history ends with ${last?.status} ${last?.version}`
      )
      const times = history.map(({ occurredAt }) => occurredAt.epochMilliseconds)
      check(times.join() === times.toSorted((a, b) => a - b).join(), `order ${at} has times ${times}`)
      orders.push({
        amount: order.amount,
        history: history.map(({ actor, reason, status }) => ({
          status,
          by: actor.type,
          ...(reason === undefined ? {} : { reason })
        }))
      })

      const told = (yield* rig.feed.updates(id, 0)).map(({ data, type }) =>
        `${data.version} ${type === "order.cancelled" ? `CANCELLED ${data.reason}` : data.status}`
      )
      const lived = history.map(({ reason, status, version }) =>
        `${version} ${status}${reason === undefined ? "" : ` ${reason}`}`
      )
      check(told.join() === lived.join(), `order ${at} lived [${lived}], and the feed tells [${told}]`)

      const payment = yield* Effect.catchTag(
        rig.paymentRows.byOrder(id),
        "PaymentNotFound",
        () => Effect.succeed(undefined)
      )
      check(payment === undefined || payment.userId === userId, `the payment of order ${at} is of ${payment?.userId}`)
      payments.push(
        payment === undefined ? null : {
          state: payment.state,
          amount: payment.amount,
          ...(payment.state === "DECLINED" ? { failure: payment.failureReason } : {})
        }
      )
    }

    const account = yield* Effect.catchTag(
      rig.accountRows.ofUser(userId),
      "AccountNotFound",
      () => Effect.succeed(undefined)
    )
    const entries = account === undefined
      ? []
      : (yield* rig.accountRows.entries(account.id, { before: undefined, limit: 1_000 })).toReversed()
    let balance = 0n
    for (const [nth, { amount, balanceAfter, number, type }] of entries.entries()) {
      balance += BigInt(type === "PAYMENT" ? -amount : amount)
      check(number === nth + 1 && balanceAfter === balance, `entry ${number} leaves ${balanceAfter}, not ${balance}`)
    }
    check((account?.balance ?? 0n) === balance, `the balance is ${account?.balance}, and the ledger says ${balance}`)

    for (const { list } of rig.letters) {
      for (const { message, reason } of yield* list()) {
        check(!ids.some((id) => id === message.key), `dead letter: ${reason}`)
      }
    }
    const state: State = {
      orders,
      payments,
      ledger: account === undefined ? null : entries.map(({ amount, orderId, type }) => ({
        type,
        amount,
        ...(orderId === null ? {} : { order: ids.indexOf(orderId) })
      }))
    }
    return { state, faults }
  }
)
