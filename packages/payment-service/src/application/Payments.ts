import type { Caller } from "@g-store/contracts/Actor.ts"
import { type OrderId, TransactionId } from "@g-store/contracts/Ids.ts"
import type { OrderCancelled, OrderCreated } from "@g-store/contracts/OrderEvents.ts"
import { PaymentNotFound } from "@g-store/contracts/PaymentErrors.ts"
import { Poison, type Received } from "@g-store/messaging/Consumer.ts"
import { TRACEPARENT } from "@g-store/messaging/Message.ts"
import { Array, Context, DateTime, Effect, Layer, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import * as Payment from "../domain/Payment.ts"
import * as Settlement from "../domain/Settlement.ts"
import { PaymentRepository } from "./PaymentRepository.ts"

/** Everything that can be asked about the payment of orders. HTTP and the events of orders both come through here. */
export class Payments extends Context.Service<Payments>()("@g-store/payment-service/Payments", {
  make: Effect.gen(function*() {
    const repository = yield* PaymentRepository
    const random = yield* SecureRandom.SecureRandom

    /**
     * Charges for orders that were created and gives back the money of cancelled ones, in the order of the messages.
     * Whatever came before, or comes again, changes nothing. Poison names every creation that contradicts what is known
     * of its order; then nothing is stored.
     */
    const settle = Effect.fn("Payments.settle")(
      function*(messages: ReadonlyArray<Received<OrderCreated | OrderCancelled>>) {
        const now = yield* DateTime.now
        const commands = yield* Effect.forEach(
          messages,
          Effect.fnUntraced(function*({ message, value }) {
            const id = TransactionId.make(yield* random.uuidV7())
            return { id, event: value, traceparent: message.headers[TRACEPARENT] }
          })
        )
        const poison = (refusals: Array.NonEmptyReadonlyArray<Settlement.Refusal>) =>
          new Poison({
            messages: Array.map(refusals, ({ position, reason }) => ({ id: messages[position]?.id ?? "", reason }))
          })
        yield* repository.settle(commands, (book) => Result.mapError(Settlement.settle(book, commands, now), poison))
      }
    )

    const ofOrder = Effect.fn("Payments.ofOrder")(function*(caller: Caller, orderId: OrderId) {
      const payment = yield* repository.byOrder(orderId)
      // Cancelled before its creation was heard of: what the payment would have been about is not known yet.
      const { amount } = payment
      if (amount === null) return yield* PaymentNotFound.of(orderId)
      yield* Effect.fromResult(Payment.canSee(payment, caller))
      return { ...payment, amount }
    })

    /** Whether the order's money is here and stays, as far as is known. */
    const isCharged = Effect.fn("Payments.isCharged")(function*(orderId: OrderId) {
      const payment = yield* repository.byOrder(orderId)
      return payment.state === "CHARGED"
    }, Effect.catchTag("PaymentNotFound", () => Effect.succeed(false)))

    return { settle, ofOrder, isCharged }
  })
}) {
  static readonly layer = Layer.effect(this, this.make)
}
