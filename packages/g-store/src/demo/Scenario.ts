import { OrderId } from "@g-store/contracts/Ids.ts"
import { OrderStatus } from "@g-store/contracts/Order.ts"
import { Clock, Effect, Random, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { Journal } from "../Journal.ts"
import { type Customer, type Population, TOP_UP, topUp, UnexpectedAnswer } from "./Population.ts"
import { type Credential, StoreClient } from "./StoreClient.ts"
import { Tally } from "./Tally.ts"

const Accepted = Schema.Struct({ orderId: OrderId })
const Seen = Schema.Struct({ status: OrderStatus })

const pick = <A>(from: ReadonlyArray<A>) =>
  Effect.map(Random.nextIntBetween(0, from.length, { halfOpen: true }), (index) => from[index]!)

/** What becomes of an order in the demo, with its share in a hundred. */
const plots = [
  ["pay", 60],
  ["cancelAtOnce", 12],
  ["issue", 8],
  ["staffCancel", 6],
  ["topUp", 4],
  ["poor", 6],
  ["without", 4]
] as const

const choosePlot = Effect.map(Random.nextIntBetween(0, 100, { halfOpen: true }), (draw) => {
  let sum = 0
  for (const [plot, share] of plots) if (draw < (sum += share)) return plot
  return plots[0][0]
})

const create = Effect.fnUntraced(function*(customer: Customer, amount: number) {
  const store = yield* StoreClient
  const tally = yield* Tally
  const key = yield* (yield* SecureRandom.SecureRandom).uuidV4()
  const began = yield* Clock.currentTimeMillis
  const reply = yield* store.call({
    method: "POST",
    path: "/api/orders/v1/orders",
    as: customer.as,
    key,
    body: { amount, description: "demo" }
  })
  if (reply.status !== 201) return yield* new UnexpectedAnswer({ what: "An order", ...reply })
  const { orderId } = yield* Schema.decodeUnknownEffect(Accepted)(reply.body)
  yield* (yield* Journal).append({ _tag: "OrderCreated", orderId, userId: customer.userId, amount })
  yield* tally.created((yield* Clock.currentTimeMillis) - began)
  return { orderId, began }
})

/** Asks until the order is no longer PENDING, slower each time: watching must not become the load that is watched. */
const settled = Effect.fnUntraced(function*(orderId: OrderId, as: Credential) {
  const store = yield* StoreClient
  for (let wait = 5;; wait = Math.min(250, wait * 1.5)) {
    const reply = yield* store.call({ method: "GET", path: `/api/orders/v1/orders/${orderId}`, as })
    if (reply.status !== 200) return yield* new UnexpectedAnswer({ what: "Reading an order", ...reply })
    const { status } = yield* Schema.decodeUnknownEffect(Seen)(reply.body)
    if (status !== "PENDING") return status
    yield* Effect.sleep(wait)
  }
})

const cancel = Effect.fnUntraced(function*(path: string, orderId: OrderId, reason: string, as: Credential) {
  const key = yield* (yield* SecureRandom.SecureRandom).uuidV4()
  const reply = yield* (yield* StoreClient).call({
    method: "POST",
    path,
    as,
    key,
    body: { cancellationReason: reason }
  })
  if (reply.status === 204) return yield* (yield* Journal).append({ _tag: "OrderCancelled", orderId, reason })
  if (reply.status !== 409) return yield* new UnexpectedAnswer({ what: "A cancellation", ...reply })
})

const move = Effect.fnUntraced(function*(orderId: OrderId, status: OrderStatus, as: Credential) {
  const key = yield* (yield* SecureRandom.SecureRandom).uuidV4()
  const path = `/api/orders/v1/staff/orders/${orderId}/status`
  const reply = yield* (yield* StoreClient).call({ method: "PATCH", path, as, key, body: { status } })
  if (reply.status === 204) return yield* (yield* Journal).append({ _tag: "StatusChanged", orderId, status })
  if (reply.status !== 409) return yield* new UnexpectedAnswer({ what: `Moving to ${status}`, ...reply })
})

/** One order from its creation to wherever its plot leads; `watched` orders are timed from POST to PAID. */
export const playOrder = Effect.fnUntraced(function*(population: Population, watched: boolean) {
  const tally = yield* Tally
  const plot = yield* choosePlot
  const customer = yield* pick(plot === "poor" || plot === "without" ? population[plot] : population.rich)
  const staff = yield* pick(population.staff)
  const { began, orderId } = yield* create(customer, yield* Random.nextIntBetween(100, 10_000))

  if (plot === "cancelAtOnce") {
    return yield* cancel(`/api/orders/v1/orders/${orderId}/cancel`, orderId, "CHANGED_MIND", customer.as)
  }
  if (plot === "topUp") return yield* topUp(customer, TOP_UP / 100)
  if (watched || plot === "issue" || plot === "staffCancel") {
    const status = yield* settled(orderId, customer.as)
    if (status === "PAID") yield* tally.paid((yield* Clock.currentTimeMillis) - began)
  }
  if (plot === "staffCancel") {
    return yield* cancel(`/api/orders/v1/staff/orders/${orderId}/cancel`, orderId, "OUT_OF_STOCK", staff)
  }
  if (plot === "issue") {
    for (const status of ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const) {
      yield* move(orderId, status, staff)
    }
  }
})
