import { AccountId, UserId } from "@g-store/contracts/Ids.ts"
import { Config, Effect, Redacted, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { Journal } from "../Journal.ts"
import { type Credential, StoreClient } from "./StoreClient.ts"

/** Somebody who buys. Without an account every order is cancelled with NO_PAYMENT_ACCOUNT. */
export interface Customer {
  readonly userId: UserId
  readonly as: Credential
  readonly accountId: AccountId | undefined
}

export interface Population {
  readonly rich: ReadonlyArray<Customer>
  readonly poor: ReadonlyArray<Customer>
  readonly without: ReadonlyArray<Customer>
  readonly staff: ReadonlyArray<Credential>
}

/** An answer that the demo cannot go on with. */
export class UnexpectedAnswer extends Schema.TaggedError<UnexpectedAnswer>()("UnexpectedAnswer", {
  what: Schema.String,
  status: Schema.Finite,
  body: Schema.Unknown
}) {
  override get message(): string {
    return `${this.what} was answered ${this.status}: ${JSON.stringify(this.body)}`
  }
}

const Token = Schema.Struct({ accessToken: Schema.String, userId: UserId })
const Opened = Schema.Struct({ id: AccountId })

/** What a top-up of a demo customer brings, in minor units. */
export const TOP_UP = 100_000_000

const staffKey = Config.Redacted("STAFF_API_KEY").pipe(
  Config.withDefault(Redacted.make("dev-staff-key-not-for-production"))
)

/** Signs up the customers and staff of a demo: tokens of the development identity provider, accounts, first money. */
export const makePopulation = Effect.fnUntraced(function*(customers: number) {
  const store = yield* StoreClient
  const journal = yield* Journal
  const random = yield* SecureRandom.SecureRandom
  const key = Redacted.value(yield* staffKey)

  const token = Effect.fnUntraced(function*(role: "customer" | "staff") {
    const reply = yield* store.call({
      method: "POST",
      path: "/api/identity/v1/token",
      as: { staffKey: key },
      body: { role },
      harmless: true
    })
    if (reply.status !== 200) return yield* new UnexpectedAnswer({ what: `A ${role} token`, ...reply })
    return yield* Schema.decodeUnknownEffect(Token)(reply.body)
  })

  const open = Effect.fnUntraced(function*(as: Credential, userId: UserId, amount: number) {
    const reply = yield* store.call({
      method: "POST",
      path: "/api/payments/v1/accounts",
      as,
      key: yield* random.uuidV4()
    })
    if (reply.status !== 201) return yield* new UnexpectedAnswer({ what: "Opening an account", ...reply })
    const { id } = yield* Schema.decodeUnknownEffect(Opened)(reply.body)
    yield* journal.append({ _tag: "AccountOpened", accountId: id, userId })
    yield* topUp({ userId, as, accountId: id }, amount)
    return id
  })

  const customer = (amount: number | undefined) =>
    Effect.gen(function*() {
      const { accessToken, userId } = yield* token("customer")
      const as = { token: accessToken }
      const accountId = amount === undefined ? undefined : yield* open(as, userId, amount)
      return { userId, as, accountId } satisfies Customer
    })

  const many = <A, E, R>(count: number, one: Effect.Effect<A, E, R>) =>
    Effect.all(Array.from({ length: Math.max(1, Math.round(count)) }, () => one), { concurrency: 8 })

  return {
    rich: yield* many(customers * 0.86, customer(TOP_UP)),
    poor: yield* many(customers * 0.08, customer(1)),
    without: yield* many(customers * 0.06, customer(undefined)),
    staff: yield* many(customers * 0.2, Effect.map(token("staff"), ({ accessToken }) => ({ token: accessToken })))
  } satisfies Population
})

/** Adds money to a customer's account and writes it down. */
export const topUp = Effect.fnUntraced(function*(customer: Customer, amount: number) {
  if (customer.accountId === undefined) return
  const store = yield* StoreClient
  const key = yield* (yield* SecureRandom.SecureRandom).uuidV4()
  const path = `/api/payments/v1/accounts/${customer.accountId}`
  const reply = yield* store.call({ method: "PATCH", path, as: customer.as, key, body: { amount } })
  if (reply.status !== 204) return yield* new UnexpectedAnswer({ what: "A top-up", ...reply })
  yield* (yield* Journal).append({ _tag: "ToppedUp", accountId: customer.accountId, amount })
})
