import type { Caller } from "@g-store/contracts/Actor.ts"
import { Amount } from "@g-store/contracts/Amount.ts"
import type { AccountId, OrderId } from "@g-store/contracts/Ids.ts"
import { Idempotency, type IdempotencyKey } from "@g-store/messaging/Idempotency.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts"
import { Accounts } from "@g-store/payment-service/application/Accounts.ts"
import { Effect, Schema } from "effect"
import { NoAnswer } from "../engine/Network.ts"
import type { Step } from "./Workload.ts"

/** A request as HTTP would bring it: who asks, and the key under which it may be asked again. */
export interface Asked {
  readonly caller: Caller
  readonly key: string
}

/** The answer to a call that changes something: done, or refused for good (409). */
export type Verdict = "done" | "refused"

const keyOf = ({ caller, key }: Asked): IdempotencyKey => ({
  scope: caller._tag === "Customer" ? `customer:${caller.userId}` : `staff:${caller.id}`,
  key,
  hash: key
})

/** Whatever else goes wrong is 503, 409 with Retry-After or the like: ask again. */
const orAgain = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, NoAnswer, R> =>
  Effect.mapError(self, () => new NoAnswer({ server: "service" }))

/** POST /v1/orders: the id of the order that there is now. */
export const placeOrder = (asked: Asked, amount: number): Effect.Effect<OrderId, NoAnswer, Orders> =>
  Orders.use((orders) =>
    orAgain(Effect.map(
      orders.create(asked.caller, { amount: Amount.make(amount) }, keyOf(asked)),
      ({ orderId }) => orderId
    ))
  )

const decodeVerdict = Schema.decodeUnknownEffect(Schema.Literals(["done", "refused"]))

/** As the HTTP adapters do it: a refusal is an answer too, and is given again under its key. */
const once = <E, R>(
  asked: Asked,
  effect: Effect.Effect<unknown, E, R>
): Effect.Effect<Verdict, NoAnswer, R | Idempotency> =>
  Idempotency.use((idempotency) =>
    idempotency.once(
      keyOf(asked),
      Effect.as(effect, "done").pipe(
        Effect.catchIf(isConflict, () => Effect.succeed("refused"))
      )
    )
  ).pipe(Effect.flatMap(({ answer }) => decodeVerdict(answer)), orAgain)

const isConflict = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error &&
  (error._tag === "TransitionNotAllowed" || error._tag === "BalanceLimitExceeded")

/** The cancels and the staff calls of one order. */
export const changeOrder = (asked: Asked, id: OrderId, ask: Step["ask"]) =>
  Orders.use((orders) =>
    once(
      asked,
      ask === "cancel"
        ? orders.cancel(asked.caller, id, { reason: "CHANGED_MIND" })
        : ask === "staffCancel"
        ? orders.cancel(asked.caller, id, { reason: "OUT_OF_STOCK" })
        : orders.move(asked.caller, id, { to: ask })
    )
  )

/** PATCH /v1/accounts/{id} */
export const topUp = (asked: Asked, id: AccountId, amount: number) =>
  Accounts.use((accounts) => once(asked, accounts.topUp(asked.caller, id, Amount.make(amount))))
