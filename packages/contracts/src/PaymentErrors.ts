import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"
import { AccountId, OrderId } from "./Ids.ts"
import { members } from "./Problems.ts"

/** 404: no such account; without an id, the caller has none. */
export class AccountNotFound extends HttpApiError.Problem<AccountNotFound>()("AccountNotFound", {
  type: "urn:g-store:account-not-found",
  status: 404,
  title: "Account not found"
}, { ...members, accountId: Schema.optionalKey(AccountId) }) {
  static of(accountId: AccountId): AccountNotFound {
    return new AccountNotFound({ accountId, detail: `There is no account ${accountId}.` })
  }
  /** For a caller who has none. */
  static none(): AccountNotFound {
    return new AccountNotFound({ detail: "You have no account yet: POST /v1/accounts opens one." })
  }
}

/** 409: the caller has an account already; one is all that anybody gets. */
export class AccountExists extends HttpApiError.Problem<AccountExists>()("AccountExists", {
  type: "urn:g-store:account-exists",
  status: 409,
  title: "Account exists"
}, { ...members, accountId: AccountId }) {
  static of(accountId: AccountId): AccountExists {
    return new AccountExists({ accountId, detail: `You have the account ${accountId}; everybody has one at most.` })
  }
}

/** 409: the top-up would lift the balance over what JSON numbers hold exactly. */
export class BalanceLimitExceeded extends HttpApiError.Problem<BalanceLimitExceeded>()("BalanceLimitExceeded", {
  type: "urn:g-store:balance-limit-exceeded",
  status: 409,
  title: "Balance limit exceeded"
}, { ...members, accountId: AccountId, limit: Schema.Int }) {}

/** 404: the order's payment is not decided yet, or there is no such order. */
export class PaymentNotFound extends HttpApiError.Problem<PaymentNotFound>()("PaymentNotFound", {
  type: "urn:g-store:payment-not-found",
  status: 404,
  title: "Payment not found"
}, { ...members, orderId: OrderId }) {
  static of(orderId: OrderId): PaymentNotFound {
    return new PaymentNotFound({
      orderId,
      detail: `The payment of order ${orderId} is not decided yet, or there is no such order.`
    })
  }
}
