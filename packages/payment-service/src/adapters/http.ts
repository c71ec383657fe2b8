import type * as Public from "@g-store/contracts/Account.ts"
import { CurrentCaller } from "@g-store/contracts/Actor.ts"
import { type Amount, Balance } from "@g-store/contracts/Amount.ts"
import { PaymentsApi } from "@g-store/contracts/PaymentsApi.ts"
import { DEFAULT_LIMIT } from "@g-store/contracts/Requests.ts"
import { makeIdempotent } from "@g-store/service-kit/Idempotent.ts"
import { orServiceUnavailable } from "@g-store/service-kit/Unavailable.ts"
import { Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Accounts } from "../application/Accounts.ts"
import { Payments } from "../application/Payments.ts"
import type { Account, LedgerEntry } from "../domain/Account.ts"
import type { Payment } from "../domain/Payment.ts"

/** Where the gateway serves this API. */
export const PUBLIC_PATH = "/api/payments"

/** Refunds may lift a balance over what JSON numbers hold exactly; there it is shown as the largest that they do. */
const toBalance = (balance: bigint): Balance => Balance.make(Math.min(Number(balance), Number.MAX_SAFE_INTEGER))

const toAccount = ({ balance, createdAt, id, updatedAt, userId }: Account): Public.Account => ({
  id,
  userId,
  balance: toBalance(balance),
  createdAt,
  updatedAt
})

const toTransaction = ({ amount, balanceAfter, createdAt, id, orderId, type }: LedgerEntry): Public.Transaction => ({
  id,
  type,
  direction: type === "PAYMENT" ? "OUT" : "IN",
  amount,
  ...(orderId === null ? {} : { orderId }),
  balanceAfter: toBalance(balanceAfter),
  createdAt
})

const toPayment = (payment: Payment & { readonly amount: Amount }): Public.Payment => ({
  orderId: payment.orderId,
  state: payment.state,
  amount: payment.amount,
  ...(payment.state === "DECLINED" ? { failureReason: payment.failureReason } : {}),
  updatedAt: payment.updatedAt
})

export const AccountsHandlers = HttpApiBuilder.group(
  PaymentsApi,
  "accounts",
  Effect.fn(function*(handlers) {
    const accounts = yield* Accounts
    const idempotent = yield* makeIdempotent
    return handlers.handleAll({
      open: (request) =>
        CurrentCaller.use((caller) =>
          idempotent(
            request,
            orServiceUnavailable(Effect.map(accounts.open(caller), ({ id }) => ({ status: 201, body: { id } })))
          )
        ),
      mine: () => CurrentCaller.use((caller) => orServiceUnavailable(Effect.map(accounts.mine(caller), toAccount))),
      byId: ({ params }) =>
        CurrentCaller.use((caller) => orServiceUnavailable(Effect.map(accounts.byId(caller, params.id), toAccount))),
      topUp: (request) =>
        CurrentCaller.use((caller) =>
          idempotent(
            request,
            orServiceUnavailable(
              Effect.as(accounts.topUp(caller, request.params.id, request.payload.amount), { status: 204 })
            )
          )
        ),
      transactions: ({ params, query }) =>
        CurrentCaller.use((caller) => {
          const before = query.cursor === undefined || query.cursor === "" ? undefined : Number(query.cursor)
          return accounts.statement(caller, params.id, { before, limit: query.limit ?? DEFAULT_LIMIT }).pipe(
            Effect.map(({ entries, next }) => ({
              transactions: entries.map(toTransaction),
              ...(next === undefined ? {} : { nextCursor: String(next) })
            })),
            orServiceUnavailable
          )
        })
    })
  })
).pipe(Layer.provide(Accounts.layer))

export const PaymentsHandlers = HttpApiBuilder.group(
  PaymentsApi,
  "payments",
  Effect.fn(function*(handlers) {
    const payments = yield* Payments
    return handlers.handleAll({
      payment: ({ params }) =>
        CurrentCaller.use((caller) =>
          orServiceUnavailable(Effect.map(payments.ofOrder(caller, params.orderId), toPayment))
        )
    })
  })
).pipe(Layer.provide(Payments.layer))
