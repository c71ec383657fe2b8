import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Account, Payment, Transaction } from "./Account.ts"
import { Authentication, EdgeProblems, RateLimit } from "./Actor.ts"
import { Amount } from "./Amount.ts"
import { apiDocument } from "./ApiDocument.ts"
import { AccountId, OrderId } from "./Ids.ts"
import { AccountExists, AccountNotFound, BalanceLimitExceeded, PaymentNotFound } from "./PaymentErrors.ts"
import { Forbidden, IdempotencyKeyInUse, IdempotencyKeyReused } from "./Problems.ts"
import { idempotencyKey, Limit } from "./Requests.ts"

export const AccountOpened = Schema.Struct({ id: AccountId }).annotate({ identifier: "AccountOpened" })
export type AccountOpened = typeof AccountOpened.Type

export const TopUp = Schema.Struct({ amount: Amount }).annotate({ identifier: "TopUp" })

/** A page of an account's ledger, newest first; without `nextCursor` it is the last. */
export const Statement = Schema.Struct({
  transactions: Schema.Array(Transaction),
  nextCursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Statement" })
export type Statement = typeof Statement.Type

/** Entries of a ledger are numbered, so a place in it is a number. */
const StatementCursor = Schema.String
  .check(Schema.isPattern(/^[0-9]{0,15}$/, { expected: "a cursor as nextCursor gave it, or an empty string" }))
  .annotate({ description: "nextCursor of the page before; empty to begin" })

const params = { id: AccountId }
const keyReuse = [IdempotencyKeyInUse, IdempotencyKeyReused] as const

export class AccountsGroup extends HttpApiGroup.make("accounts")
  .add(
    HttpApiEndpoint.post("open", "/v1/accounts", {
      headers: idempotencyKey,
      success: AccountOpened.pipe(HttpApiSchema.status(201)),
      error: [Forbidden, AccountExists, ...keyReuse]
    }).annotateMerge(OpenApi.annotations({ summary: "Open an account" })),
    HttpApiEndpoint.get("mine", "/v1/accounts/me", {
      success: Account,
      error: [Forbidden, AccountNotFound]
    }).annotateMerge(OpenApi.annotations({ summary: "Read the own account" })),
    HttpApiEndpoint.get("byId", "/v1/accounts/:id", {
      params,
      success: Account,
      error: [Forbidden, AccountNotFound]
    }).annotateMerge(OpenApi.annotations({ summary: "Read an account" })),
    HttpApiEndpoint.patch("topUp", "/v1/accounts/:id", {
      params,
      headers: idempotencyKey,
      payload: TopUp,
      success: HttpApiSchema.NoContent,
      error: [Forbidden, AccountNotFound, BalanceLimitExceeded, ...keyReuse]
    }).annotateMerge(OpenApi.annotations({ summary: "Top up: the balance grows by the amount" })),
    HttpApiEndpoint.get("transactions", "/v1/accounts/:id/transactions", {
      params,
      query: { cursor: Schema.optionalKey(StatementCursor), limit: Schema.optionalKey(Limit) },
      success: Statement,
      error: [Forbidden, AccountNotFound]
    }).annotateMerge(OpenApi.annotations({ summary: "Read the account's ledger, newest first" }))
  )
  .annotateMerge(OpenApi.annotations({ title: "Accounts", description: "Money that customers hold here" }))
{}

export class PaymentsGroup extends HttpApiGroup.make("payments")
  .add(
    HttpApiEndpoint.get("payment", "/v1/payments/:orderId", {
      params: { orderId: OrderId },
      success: Payment,
      error: [Forbidden, PaymentNotFound]
    }).annotateMerge(OpenApi.annotations({
      summary: "Read how an order's payment was decided",
      description: "404 while it is undecided."
    }))
  )
  .annotateMerge(OpenApi.annotations({ title: "Payments", description: "The one decision about each order's payment" }))
{}

/** The one definition behind payment-service's server, the typed client, the tests and its openapi.json. */
export class PaymentsApi extends HttpApi.make("payments")
  .add(AccountsGroup)
  .add(PaymentsGroup)
  .middleware(RateLimit)
  .middleware(Authentication)
  .middleware(EdgeProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(OpenApi.Transform, apiDocument)
  .annotateMerge(OpenApi.annotations({
    title: "g-store payments",
    version: "1.0.0",
    description: "Accounts, top-ups, ledgers and the payment of orders."
  }))
{}
