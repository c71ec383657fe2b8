import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { PaymentNotFound } from "@g-store/contracts/PaymentErrors.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import type { Effect, Result } from "effect"
import { Context, Schema } from "effect"
import type { Payment, PaymentCommand } from "../domain/Payment.ts"
import type { Book, Settlement } from "../domain/Settlement.ts"

/**
 * Another transaction was the first to decide about some of these orders, after the book was read: nothing of the batch
 * may be kept. Settled again, it meets those decisions.
 */
export class DecidedMeanwhile extends Schema.TaggedError<DecidedMeanwhile>()("DecidedMeanwhile", {
  orderIds: Schema.Array(Schema.String)
}) {}

/** Where the decisions about payments live, beside the accounts that they move. */
export class PaymentRepository extends Context.Service<PaymentRepository, {
  readonly byOrder: (orderId: OrderId) => Effect.Effect<Payment, PaymentNotFound | DatabaseUnavailable>
  /**
   * Locks the payments and accounts that the commands are about, in that order and each kind by id, so that no two
   * batches ever wait for each other; applies the decision and stores payments, balances, entries and messages in one
   * transaction (the surrounding one, if any). A failed decision stores nothing.
   */
  readonly settle: <E>(
    commands: ReadonlyArray<PaymentCommand>,
    decide: (book: Book) => Result.Result<Settlement, E>
  ) => Effect.Effect<Settlement, E | DecidedMeanwhile | DatabaseUnavailable>
}>()("@g-store/payment-service/PaymentRepository") {}
