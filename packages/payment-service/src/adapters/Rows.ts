import { Amount } from "@g-store/contracts/Amount.ts"
import { AccountId, OrderId, TransactionId, UserId } from "@g-store/contracts/Ids.ts"
import { PaymentFailureReason } from "@g-store/contracts/PaymentEvents.ts"
import { Effect, Schema, SchemaGetter } from "effect"
import type { SqlError } from "effect/sql/SqlError"

/** PostgreSQL's bigint arrives as BigInt; an amount is small enough for a number. */
const AmountFromBigInt = Schema.BigInt.pipe(Schema.decodeTo(Schema.toType(Amount), {
  decode: SchemaGetter.transform((amount) => Amount.make(Number(amount))),
  encode: SchemaGetter.transform(BigInt)
}))

/** A row that does not read as what it should be is a fault of ours. */
export const readable = <A, R>(
  query: Effect.Effect<A, SqlError | Schema.SchemaError, R>
): Effect.Effect<A, SqlError, R> => Effect.catchTag(query, "SchemaError", Effect.die)

export const AccountRow = Schema.Struct({
  id: AccountId,
  userId: UserId,
  balance: Schema.BigInt,
  entries: Schema.Int,
  createdAt: Schema.DateTimeUtcFromDate,
  updatedAt: Schema.DateTimeUtcFromDate
})

export const LedgerRow = Schema.Struct({
  id: TransactionId,
  accountId: AccountId,
  number: Schema.Int,
  type: Schema.Literals(["TOP_UP", "PAYMENT", "REFUND"]),
  amount: AmountFromBigInt,
  orderId: Schema.NullOr(OrderId),
  balanceAfter: Schema.BigInt,
  createdAt: Schema.DateTimeUtcFromDate
})

const payment = {
  orderId: OrderId,
  userId: UserId,
  createdAt: Schema.DateTimeUtcFromDate,
  updatedAt: Schema.DateTimeUtcFromDate
}

export const PaymentRow = Schema.Union([
  Schema.Struct({
    ...payment,
    state: Schema.Literals(["CHARGED", "REFUNDED"]),
    amount: AmountFromBigInt,
    accountId: AccountId
  }),
  Schema.Struct({
    ...payment,
    state: Schema.Literal("DECLINED"),
    amount: AmountFromBigInt,
    failureReason: PaymentFailureReason
  }),
  Schema.Struct({ ...payment, state: Schema.Literal("VOIDED"), amount: Schema.NullOr(AmountFromBigInt) })
])
