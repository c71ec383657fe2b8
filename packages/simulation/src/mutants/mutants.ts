import { type Adapters, type Services, servicesOver } from "../store/services.ts"
import * as decisions from "./decisions.ts"
import * as delivery from "./delivery.ts"
import * as letters from "./letters.ts"

/** The store with a fault built in, to see whether the simulation notices. */
export interface Mutant {
  readonly name: string
  readonly services: Services
  /**
   * Why it cannot be noticed: another defence stands behind this one. Then it must not be, where nothing becomes a dead
   * letter: what an operator left out is kept out by the inbox alone.
   */
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
  mutant(
    "relay without lease",
    { orderStore: delivery.ordersWithoutLease },
    "each relay beginning at the head of a shard"
  ),
  mutant("rows claimed one by one", { orderStore: delivery.ordersSkippingLocked }),
  mutant("relay without lease, rows claimed one by one", { orderStore: delivery.ordersSkippingLockedWithoutLease }),
  mutant("publish before commit", { paymentStore: delivery.paymentsPublishingAtOnce }),
  mutant("no inbox in payment-service", { paymentStore: delivery.paymentsTakingAll }, "one payment row per order"),
  mutant("no inbox in order-service", { orderStore: delivery.ordersTakingAll }, "the order's state machine"),
  mutant("no inbox in payment-service, where letters are left out", { paymentStore: delivery.paymentsTakingAll }),
  mutant("pay a paid order again", { orderStore: decisions.ordersPayingAgain }, "the inbox"),
  mutant("pay a paid order again, and no inbox", { orderStore: decisions.ordersPayingAgainWithoutInbox }),
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
  mutant("listen after the snapshot", { liveTail: decisions.listenLate }),
  mutant("parked keys are not seen (feed)", { notificationStore: letters.feedSeeingNoGate }),
  mutant("poison leaves no letter", { paymentStore: letters.paymentsKeepingNoLetter }),
  mutant("what waits is drained the wrong way round (feed)", { notificationStore: letters.feedDrainingBackwards }),
  mutant("what waits is forgotten", { paymentStore: letters.paymentsForgettingWaiting }),
  mutant("replay without handling", { paymentStore: letters.paymentsSettlingAtOnce })
]
