import { Schema } from "effect"
import { Amount, Balance } from "./Amount.ts"
import { AccountId, OrderId, TransactionId, UserId } from "./Ids.ts"
import { Timestamp } from "./Order.ts"
import { PaymentFailureReason } from "./PaymentEvents.ts"

export const Account = Schema.Struct({
  id: AccountId,
  userId: UserId,
  balance: Balance,
  createdAt: Timestamp,
  updatedAt: Timestamp
}).annotate({ identifier: "Account" })
export type Account = typeof Account.Type

/** One entry of an account's append-only ledger. `balanceAfter` is the balance once it was booked. */
export const Transaction = Schema.Struct({
  id: TransactionId,
  type: Schema.Literals(["TOP_UP", "PAYMENT", "REFUND"]),
  direction: Schema.Literals(["IN", "OUT"]),
  amount: Amount,
  orderId: Schema.optionalKey(OrderId),
  balanceAfter: Balance,
  createdAt: Timestamp
}).annotate({ identifier: "Transaction" })
export type Transaction = typeof Transaction.Type

/** CHARGED took the money, DECLINED did not, REFUNDED gave it back, VOIDED met a cancel before the order itself. */
export const PaymentState = Schema.Literals(["CHARGED", "DECLINED", "REFUNDED", "VOIDED"])
  .annotate({ identifier: "PaymentState" })
export type PaymentState = typeof PaymentState.Type

/** The one decision about an order's payment. */
export const Payment = Schema.Struct({
  orderId: OrderId,
  state: PaymentState,
  amount: Amount,
  failureReason: Schema.optionalKey(PaymentFailureReason),
  updatedAt: Timestamp
}).annotate({ identifier: "Payment" })
export type Payment = typeof Payment.Type
