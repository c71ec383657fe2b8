import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { EventBus } from "@g-store/messaging/EventBus.ts"
import { EventBusMemory } from "@g-store/messaging/memory/EventBusMemory.ts"
import { MESSAGE_ID, type WireMessage } from "@g-store/messaging/Message.ts"
import { makeWakeups } from "@g-store/messaging/Wakeups.ts"
import { Effect, Layer } from "effect"

const Groups = EventBusMemory.layer({
  groups: [
    { group: "g-store.payment-service", topics: [ORDER_EVENTS] },
    { group: "g-store.order-service", topics: [PAYMENT_EVENTS] },
    { group: "g-store.order-notification-service", topics: [ORDER_EVENTS] }
  ]
})

/** The bus with a gate before it: what relays publish is kept, by key and each message once, until it is delivered. */
export const makeHeldBus = Effect.gen(function*() {
  const inner = yield* Effect.provide(EventBus, Layer.fresh(Groups))
  const { listen, wake } = makeWakeups()
  const held = new Map<string, Map<string, WireMessage>>()
  const hold = (message: WireMessage) => {
    const key = message.key ?? ""
    const known = held.get(key) ?? new Map<string, WireMessage>()
    const id = message.headers[MESSAGE_ID] ?? ""
    if (!known.has(id)) known.set(id, message)
    held.set(key, known)
  }
  return {
    layer: Layer.succeed(
      EventBus,
      EventBus.of({
        publish: (messages) => Effect.andThen(Effect.sync(() => messages.forEach(hold)), wake),
        subscribe: inner.subscribe
      })
    ),
    /** What has come to the gate about a key, in order. */
    of: (key: string): ReadonlyArray<WireMessage> => [...held.get(key)?.values() ?? []],
    forget: (key: string) => held.delete(key),
    /** Returns when every consumer has acknowledged all of it. */
    deliver: (messages: ReadonlyArray<WireMessage>) => inner.publish(messages),
    moved: wake,
    /** Waits until it holds; asked anew whenever something came to the gate or `moved` was told. */
    until: <E, R>(holds: Effect.Effect<boolean, E, R>) =>
      Effect.scoped(Effect.gen(function*() {
        const movement = yield* listen
        while (!(yield* holds)) yield* movement
      }))
  }
})
