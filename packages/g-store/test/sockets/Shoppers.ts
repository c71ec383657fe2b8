import { makeStoreApi, StoreProblem } from "@g-store/client/StoreApi.ts"
import { Effect, Random } from "effect"
import { NotKept } from "../chaos/NotKept.ts"

/** The development key that staff of a store without production settings call with. */
const STAFF_KEY = "dev-staff-key-not-for-production"
const STEPS = ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const
/** Replicas are killed under way: a try more costs nothing, the key makes it one request. */
const TRIES = 100

export interface Order {
  readonly orderId: string
  readonly userId: string
}

const asked = <A>(what: string, ask: () => Promise<A>) =>
  Effect.tryPromise({ try: ask, catch: (cause) => new NotKept({ reason: `${what}: ${String(cause)}` }) })

/** A customer with a token, and money unless `poor`. */
const shopper = Effect.fnUntraced(function*(url: string, isPoor: boolean) {
  const { accessToken, userId } = yield* asked(
    "a token",
    () => makeStoreApi({ baseUrl: url, tries: TRIES }).identity.token()
  )
  const store = makeStoreApi({ baseUrl: url, token: () => accessToken, tries: TRIES })
  if (!isPoor) {
    const { id } = yield* asked("an account", () => store.accounts.open())
    yield* asked("a top-up", () => store.accounts.topUp(id, 1_000_000_000))
  }
  return { store, token: accessToken, userId }
})

/** Customers who place orders that go some way: to their cancellation, or any number of steps behind PAID. */
export const shoppers = Effect.fnUntraced(function*(url: string, count: number) {
  const staff = makeStoreApi({ baseUrl: url, staffKey: STAFF_KEY, tries: TRIES }).staff
  const all = yield* Effect.forEach(Array.from({ length: count }), (_, nth) => shopper(url, nth % 4 === 3), {
    concurrency: 4
  })

  /** Places an order and takes it its way; `placed` hears of it first. */
  const order = Effect.fnUntraced(function*(placed: (order: Order) => Effect.Effect<void>) {
    const who = all[yield* Random.nextIntBetween(0, all.length, { halfOpen: true })]
    const steps = yield* Random.nextIntBetween(0, STEPS.length)
    if (who === undefined) return
    const { orderId } = yield* asked("an order", () => who.store.orders.create({ amount: 1_000 }))
    yield* placed({ orderId, userId: who.userId })
    const { status } = yield* asked(`order ${orderId}`, () => who.store.orders.get(orderId)).pipe(
      Effect.delay("300 millis"),
      Effect.repeat({ until: (now) => now.status !== "PENDING" })
    )
    if (status !== "PAID") return
    for (const step of STEPS.slice(0, steps)) {
      // A move whose answer was lost is told by 409 that it has been made.
      yield* asked(`${step} of ${orderId}`, () =>
        staff.move(orderId, step).catch((error: unknown) => {
          if (!(error instanceof StoreProblem && error.status === 409)) throw error
        }))
      yield* Effect.sleep("200 millis")
    }
  })

  /** What happened to an order, as its history has it, if the feed has the same. */
  const happened = Effect.fnUntraced(function*({ orderId, userId }: Order) {
    const who = all.find((one) => one.userId === userId)
    if (who === undefined) return yield* new NotKept({ reason: `nobody placed ${orderId}` })
    const { entries } = yield* asked(`the history of ${orderId}`, () => who.store.orders.history(orderId))
    const { events } = yield* asked(`the feed of ${orderId}`, () => who.store.orders.updates(orderId)).pipe(
      Effect.delay("200 millis"),
      Effect.repeat({ until: (feed) => feed.events.length >= entries.length, times: 300 })
    )
    const history = entries.map(({ reason, status, version }) =>
      `${version} ${status}${status === "CANCELLED" ? ` ${reason}` : ""}`
    )
    const feed = events.map(({ data, type }) =>
      `${data.version} ${type === "order.cancelled" ? `CANCELLED ${data.reason}` : data.status}`
    )
    if (feed.join(", ") !== history.join(", ")) {
      const reason = `order ${orderId}: its history is [${history.join(", ")}], its feed [${feed.join(", ")}]`
      return yield* new NotKept({ reason })
    }
    return { orderId, userId, happened: history }
  })

  return { all, order, happened }
})
