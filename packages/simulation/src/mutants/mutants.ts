import { type Adapters, type Services, servicesOver } from "../store/services.ts"
import * as decisions from "./decisions.ts"
import * as delivery from "./delivery.ts"

/** The store with a fault built in, to see whether the simulation notices. */
export interface Mutant {
  readonly name: string
  readonly services: Services
  /** Why it cannot be noticed: another defence stands behind this one. Then it must not be. */
  readonly hiddenBy?: string
}

const mutant = (name: string, adapters: Partial<Adapters>, hiddenBy?: string): Mutant => ({
  name,
  services: servicesOver(adapters),
  ...(hiddenBy === undefined ? {} : { hiddenBy })
})

export const mutants: ReadonlyArray<Mutant> = [
  mutant("ack before commit", { bus: delivery.ackFirst }),
  mutant("mark sent before publish (orders)", { orderStore: delivery.ordersRemovingFirst }),
  mutant("mark sent before publish (payments)", { paymentStore: delivery.paymentsRemovingFirst }),
  mutant("retry overtakes", { bus: delivery.retryBeside }),
  mutant("relay without lease, rows claimed one by one", { orderStore: delivery.ordersSkippingLocked }),
  mutant("publish before commit", { paymentStore: delivery.paymentsPublishingAtOnce }),
  mutant("no inbox in payment-service", { paymentStore: delivery.paymentsTakingAll }, "one payment row per order"),
  mutant("no inbox in order-service", { orderStore: delivery.ordersTakingAll }, "the order's state machine"),
  mutant("charge blindly", { paymentStore: decisions.chargingBlindly }, "the inbox"),
  mutant("charge blindly, and no inbox", { paymentStore: decisions.chargingBlindlyWithoutInbox }),
  mutant(
    "no tombstone for a cancel before its order",
    { paymentStore: decisions.forgettingEarlyCancels },
    "the order of each key on the bus"
  ),
  mutant("messages of a batch the wrong way round", { paymentBus: delivery.reverseBatches }, "the tombstone"),
  mutant("no tombstone, and batches the wrong way round", {
    paymentStore: decisions.forgettingEarlyCancels,
    paymentBus: delivery.reverseBatches
  }),
  mutant("refund swallowed where it comes with its charge", { paymentBus: delivery.oneOfAKey }),
  mutant("idempotency key after the effect (payments)", { paymentStore: decisions.paymentsKeyedAfterwards }),
  mutant("no row locks in payment-service", { paymentStore: decisions.paymentsLockingNothing }),
  mutant("no row locks in order-service", { orderStore: decisions.ordersLockingNothing }),
  mutant("resume off by one", { notificationStore: decisions.feedSkippingOne }),
  mutant("listen after the snapshot", { liveTail: decisions.listenLate })
]
