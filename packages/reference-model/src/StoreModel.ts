import type { Command, Entry, Line, Message, Order, Outcome, Payment, State, Status } from "./Notebook.ts"

/**
 * The store as one clerk with one notebook would keep it: one customer, one account, a few orders, one thing after the
 * other. Written from the public interface, not from the services; whatever they answer and end in must be explained by
 * some order in which the clerk could have done the same things.
 */

export const nothing = (orders: number): State => ({
  orders: Array.from({ length: orders }, () => null),
  payments: Array.from({ length: orders }, () => null),
  ledger: null
})

const steps: ReadonlyArray<Status> = ["PENDING", "PAID", "ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"]
const byHand: ReadonlyArray<Status> = ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"]
const reasons: Readonly<Record<string, string>> = {
  NO_ACCOUNT: "NO_PAYMENT_ACCOUNT",
  INSUFFICIENT_FUNDS: "INSUFFICIENT_FUNDS"
}

export const statusOf = ({ history }: Order): Status => history.at(-1)?.status ?? "PENDING"

export const balanceOf = (ledger: ReadonlyArray<Line>): number =>
  ledger.reduce((sum, { amount, type }) => type === "PAYMENT" ? sum - amount : sum + amount, 0)

const set = <A>(list: ReadonlyArray<A>, at: number, value: A): ReadonlyArray<A> => list.with(at, value)
const answer = (state: State, ...answers: ReadonlyArray<string>): Outcome => ({ answers, state })
const book = (state: State, line: Line): State => ({ ...state, ledger: [...state.ledger ?? [], line] })
const enter = (state: State, at: number, { amount, history }: Order, entry: Entry): State => ({
  ...state,
  orders: set(state.orders, at, { amount, history: [...history, entry] })
})

/** A change of an order by a person. Where several things are wrong, any of them may be the one that is said. */
const change = (state: State, at: number, ifVersion: number | undefined, follows: boolean, entry: Entry): Outcome => {
  const order = state.orders[at] ?? null
  if (order === null) return answer(state, "404")
  const wrong = [
    ...(ifVersion === undefined || ifVersion === order.history.length ? [] : ["412"]),
    ...(follows ? [] : ["409"])
  ]
  return wrong.length > 0 ? answer(state, ...wrong) : answer(enter(state, at, order, entry), "204")
}

/** The creation reaches payment-service: charged if the money is there, once, and not if the cancel was faster. */
const pay = (state: State, at: number, { amount }: Order): State => {
  const payment = state.payments[at] ?? null
  const decide = (decided: Payment): State => ({ ...state, payments: set(state.payments, at, decided) })
  if (payment !== null) return payment.amount === null ? decide({ ...payment, amount }) : state
  if (state.ledger === null) return decide({ state: "DECLINED", amount, failure: "NO_ACCOUNT" })
  if (balanceOf(state.ledger) < amount) return decide({ state: "DECLINED", amount, failure: "INSUFFICIENT_FUNDS" })
  return book(decide({ state: "CHARGED", amount }), { type: "PAYMENT", amount, order: at })
}

/** The cancel reaches payment-service: money taken goes back, once; none will be taken. */
const giveBack = (state: State, at: number, { amount }: Order): State => {
  const payment = state.payments[at] ?? null
  const decide = (decided: Payment): State => ({ ...state, payments: set(state.payments, at, decided) })
  if (payment === null) return decide({ state: "VOIDED", amount: null })
  if (payment.state !== "CHARGED") return state
  return book(decide({ ...payment, state: "REFUNDED" }), { type: "REFUND", amount, order: at })
}

/** The payment's word reaches order-service: only a pending order minds it. */
const hear = (state: State, at: number, order: Order, { failure }: Payment): State => {
  if (statusOf(order) !== "PENDING") return state
  return enter(
    state,
    at,
    order,
    failure === undefined
      ? { status: "PAID", by: "PAYMENT" }
      : { status: "CANCELLED", by: "PAYMENT", reason: reasons[failure] ?? "PAYMENT_INTERNAL_ERROR" }
  )
}

/** Whether somebody has said so by now; a VOIDED payment is told to nobody. */
const isSaid = (message: Message, { history }: Order, payment: Payment | null): boolean => {
  if (message === "created") return true
  if (message === "paid") return payment !== null && payment.state !== "VOIDED"
  return history.slice(1).some(({ status }) => (status === "CANCELLED") === (message === "cancelled"))
}

const deliver = (state: State, at: number, message: Message): Outcome => {
  const order = state.orders[at] ?? null
  const payment = state.payments[at] ?? null
  if (order === null || !isSaid(message, order, payment)) return answer(state, "nothing to deliver")
  if (message === "created") return answer(pay(state, at, order), "delivered")
  if (message === "cancelled") return answer(giveBack(state, at, order), "delivered")
  return answer(message === "paid" && payment !== null ? hear(state, at, order, payment) : state, "delivered")
}

export const step = (state: State, command: Command): Outcome => {
  switch (command.do) {
    case "create": {
      const order = state.orders[command.order] ?? null
      if (order !== null) return answer(state, order.amount === command.amount ? "201" : "422")
      const created: Order = { amount: command.amount, history: [] }
      return answer(enter(state, command.order, created, { status: "PENDING", by: "CUSTOMER" }), "201")
    }
    case "cancel": {
      const { by, ifVersion, order: at } = command
      const order = state.orders[at] ?? null
      if (by === "stranger" && order !== null) return answer(state, "403")
      const follows = order !== null && statusOf(order) !== "CANCELLED" && statusOf(order) !== "ISSUED"
      const staff = by === "staff"
      return change(state, at, ifVersion, follows, {
        status: "CANCELLED",
        by: staff ? "STAFF" : "CUSTOMER",
        reason: staff ? "OUT_OF_STOCK" : "CHANGED_MIND"
      })
    }
    case "move": {
      const { ifVersion, order: at, to } = command
      const order = state.orders[at] ?? null
      const follows = order !== null && byHand.includes(to) && steps[steps.indexOf(to) - 1] === statusOf(order)
      return change(state, at, ifVersion, follows, { status: to, by: "STAFF" })
    }
    case "open":
      return state.ledger === null ? answer({ ...state, ledger: [] }, "201") : answer(state, "409")
    case "topUp":
      if (state.ledger === null) return answer(state, "404")
      return command.by === "stranger"
        ? answer(state, "403")
        : answer(book(state, { type: "TOP_UP", amount: command.amount }), "204")
    case "deliver":
      return deliver(state, command.order, command.message)
    case "look": {
      const order = state.orders[command.order] ?? null
      return order === null ? answer(state, "404") : answer(state, `200 ${statusOf(order)} ${order.history.length}`)
    }
    case "balance":
      return state.ledger === null ? answer(state, "404") : answer(state, `200 ${balanceOf(state.ledger)}`)
  }
}

/** Where the store comes to rest when all that was said arrives, order by order. */
export const settled = (state: State): State =>
  state.orders.flatMap((_, at) => (["created", "paid", "cancelled"] as const).map((message) => [at, message] as const))
    .reduce((before, [at, message]) => deliver(before, at, message).state, state)
