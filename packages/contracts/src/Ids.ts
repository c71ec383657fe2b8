import { Schema, SchemaTransformation } from "effect"

/** What an id is inside: checked by itself too, since `Schema.is` and `make` look at this side alone. */
const LowerCaseUuid = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, { expected: "a UUID" })
)

/** A UUID of any version in either case; ours are lower case, so that equal ids are equal strings. */
const Uuid = Schema.String
  .check(Schema.isGUID({ expected: "a UUID" }))
  .pipe(Schema.decodeTo(LowerCaseUuid, SchemaTransformation.toLowerCase()))

/** Names an order everywhere: in URLs, as the key of its messages, in payments and in the feed. UUIDv7 when ours. */
export const OrderId = Uuid.pipe(Schema.brand("OrderId"))
export type OrderId = typeof OrderId.Type

/** Names a person: the token's subject. */
export const UserId = Uuid.pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

/** Names an account of payment-service. */
export const AccountId = Uuid.pipe(Schema.brand("AccountId"))
export type AccountId = typeof AccountId.Type

/** Names one entry of an account's ledger. */
export const TransactionId = Uuid.pipe(Schema.brand("TransactionId"))
export type TransactionId = typeof TransactionId.Type
