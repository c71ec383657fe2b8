import { InboxStore } from "@g-store/messaging/InboxStore.ts"
import { ReplayStore } from "@g-store/messaging/ReplayStore.ts"
import { NotificationStoreMemory } from "@g-store/order-notification-service/NotificationStoreMemory.ts"
import { PaymentStoreMemory } from "@g-store/payment-service/PaymentStoreMemory.ts"
import { Array as Arr, Effect, Layer } from "effect"

const inbox = (change: (store: InboxStore["Service"]) => Partial<InboxStore["Service"]>) =>
  Layer.effect(InboxStore, Effect.map(InboxStore, (store) => InboxStore.of({ ...store, ...change(store) })))

const replay = (change: (store: ReplayStore["Service"]) => Partial<ReplayStore["Service"]>) =>
  Layer.effect(ReplayStore, Effect.map(ReplayStore, (store) => ReplayStore.of({ ...store, ...change(store) })))

/** Later messages of a parked key are handled as if nothing waited. */
const seeNoGate = inbox(() => ({ gates: () => Effect.succeed(new Set()) }))

/** Poison is dropped without a letter. */
const keepNoLetter = inbox(() => ({ setAside: () => Effect.succeed(true) }))

/** What waits is handled the wrong way round. */
const drainBackwards = replay((store) => ({
  waiting: (consumer, key, limit) => Effect.map(store.waiting(consumer, key, limit), Arr.reverse)
}))

/** The gate opens with the letter; what waited is forgotten. */
const forgetWaiting = replay((store) => ({
  waiting: (consumer, key, limit) =>
    Effect.flatMap(
      store.waiting(consumer, key, limit),
      (waiting) => Effect.as(store.release(consumer, key, waiting.map(({ sequence }) => sequence)), [])
    )
}))

/** A letter counts as replayed without its message having been handled again. */
const settleAtOnce = replay((store) => ({
  settle: (id) => store.settle(id, "replayed"),
  lockLetter: (id) =>
    Effect.map(
      store.lockLetter(id),
      (letter) => letter?.state === "replay requested" ? { ...letter, state: "discard requested" as const } : letter
    )
}))

export const feedSeeingNoGate = Layer.provideMerge(seeNoGate, NotificationStoreMemory)
export const paymentsKeepingNoLetter = Layer.provideMerge(keepNoLetter, PaymentStoreMemory)
export const feedDrainingBackwards = Layer.provideMerge(drainBackwards, NotificationStoreMemory)
export const paymentsForgettingWaiting = Layer.provideMerge(forgetWaiting, PaymentStoreMemory)
export const paymentsSettlingAtOnce = Layer.provideMerge(settleAtOnce, PaymentStoreMemory)
