import { Effect, Schedule, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { NotKept } from "./NotKept.ts"

const Token = Schema.Struct({ accessToken: Schema.String })
const Opened = Schema.Struct({ id: Schema.String })
const Account = Schema.Struct({ balance: Schema.Int })
const Page = Schema.Struct({ total: Schema.Int })

const PURSE = 100_000_000
const TOP_UP = 1_000
const PRICE = 100

/** What a customer did, and what the store must show for it. */
export interface Done {
  orders: number
  toppedUp: number
  /** Calls with a key that had to be repeated. */
  repeated: number
  /** Calls without a key that were not answered as they should be. */
  failed: Array<string>
}

const decoded = <A>(schema: Schema.ConstraintDecoder<A>, body: string) =>
  Schema.decodeUnknownEffect(schema)(JSON.parse(body)).pipe(Effect.orDie)

/**
 * A customer who orders and tops up in turns, over one connection, each call once with a key, which may be repeated, and
 * once without, which may not.
 */
export const shopper = Effect.fnUntraced(function*(url: string) {
  let authorization = ""
  const ask = (method: "GET" | "POST" | "PATCH", path: string, body?: object, key?: string) =>
    Effect.tryPromise({
      try: async () => {
        const answer = await fetch(url + path, {
          method,
          headers: {
            "content-type": "application/json",
            ...(authorization === "" ? {} : { authorization }),
            ...(key === undefined ? {} : { "idempotency-key": key })
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
        return { status: answer.status, body: await answer.text() }
      },
      catch: (cause) =>
        new NotKept({
          reason: `${method} ${path}: ${
            cause instanceof Error ? `${cause.message} ${String(cause.cause ?? "")}` : cause
          }`
        })
    })
  const expect = (status: number, method: "GET" | "POST" | "PATCH", path: string, body?: object, key?: string) =>
    Effect.flatMap(
      ask(method, path, body, key),
      (answer) =>
        answer.status === status
          ? Effect.succeed(answer.body)
          : Effect.fail(new NotKept({ reason: `${method} ${path}: ${answer.status} ${answer.body}` }))
    )
  const done: Done = { orders: 0, toppedUp: 0, repeated: 0, failed: [] }

  authorization = `Bearer ${
    (yield* decoded(Token, yield* expect(200, "POST", "/api/identity/v1/token", {}))).accessToken
  }`
  const { id } = yield* decoded(Opened, yield* expect(201, "POST", "/api/payments/v1/accounts"))

  const purse = `/api/payments/v1/accounts/${id}`
  // Enough for every order, however the calls overtake each other.
  yield* expect(204, "PATCH", purse, { amount: PURSE })

  const order = (key?: string) => expect(201, "POST", "/api/orders/v1/orders", { amount: PRICE }, key)
  const topUp = (key?: string) => expect(204, "PATCH", purse, { amount: TOP_UP }, key)
  const both = Effect.fnUntraced(function*(call: typeof order, count: () => void) {
    const key = randomUUID()
    yield* call(key).pipe(
      Effect.tapError(() => Effect.sync(() => done.repeated++)),
      Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 100 })
    )
    count()
    yield* Effect.match(call(), {
      onFailure: ({ reason }) => void done.failed.push(reason),
      onSuccess: count
    })
  })

  return {
    done,
    /** One round of calls. */
    shop: Effect.andThen(
      both(order, () => void done.orders++),
      both(topUp, () => void done.toppedUp++)
    ),
    /** Fails unless the store shows exactly what was done. */
    check: Effect.gen(function*() {
      const { total } = yield* decoded(Page, yield* expect(200, "GET", "/api/orders/v1/orders?limit=1"))
      if (total !== done.orders) {
        return yield* new NotKept({ reason: `a customer placed ${done.orders} orders, the store has ${total}` })
      }
      // Every order is paid sooner or later: there is money for all of them.
      const wanted = PURSE + done.toppedUp * TOP_UP - done.orders * PRICE
      yield* expect(200, "GET", "/api/payments/v1/accounts/me").pipe(
        Effect.flatMap((body) => decoded(Account, body)),
        Effect.repeat({ until: ({ balance }) => balance === wanted, schedule: Schedule.spaced("250 millis") }),
        Effect.timeoutOrElse({
          duration: "60 seconds",
          orElse: () =>
            Effect.fail(
              new NotKept({
                reason: `after ${done.toppedUp} top-ups and ${done.orders} orders a balance is not ${wanted}`
              })
            )
        })
      )
    })
  }
})
