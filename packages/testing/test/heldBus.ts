import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { type BusUnavailable, EventBus } from "@g-store/messaging/EventBus.ts"
import { EventBusMemory } from "@g-store/messaging/memory/EventBusMemory.ts"
import { MESSAGE_ID, type WireMessage } from "@g-store/messaging/Message.ts"
import { makeWakeups } from "@g-store/messaging/Wakeups.ts"
import { Effect, Layer } from "effect"

type Bus = EventBus["Service"]

const Groups = EventBusMemory.layer({
  groups: [
    { group: "g-store.payment-service", topics: [ORDER_EVENTS] },
    { group: "g-store.order-service", topics: [PAYMENT_EVENTS] },
    { group: "g-store.order-notification-service", topics: [ORDER_EVENTS] }
  ]
})

/**
 * The bus with a gate before it: what relays publish is noted and held. Nothing arrives until it is delivered, so a test
 * decides what arrives when, and how often. `open` puts something else in the place of holding, or into the consumers'
 * way.
 */
export const makeHeldBus = Effect.fnUntraced(function*(open: (inner: Bus) => Partial<Bus> = () => ({})) {
  const inner = yield* Effect.provide(EventBus, Layer.fresh(Groups))
  const { listen, wake } = makeWakeups()
  const published: Array<WireMessage> = []
  const ids = new Set<string>()
  const byKey = new Map<string, Array<WireMessage>>()

  const note = (message: WireMessage) => {
    const { headers, key } = message
    const id = headers[MESSAGE_ID] ?? ""
    published.push(message)
    if (ids.has(id)) return
    ids.add(id)
    byKey.set(key ?? "", [...byKey.get(key ?? "") ?? [], message])
  }
  const opened = open(inner)
  const bus = EventBus.of({
    publish: (messages) =>
      Effect.andThen(
        Effect.andThen(Effect.sync(() => messages.forEach(note)), wake),
        opened.publish?.(messages) ?? Effect.void
      ),
    subscribe: opened.subscribe ?? inner.subscribe
  })
  return {
    layer: Layer.succeed(EventBus, bus),
    /** Everything that was published, again and again where a relay did so. */
    published,
    has: (id: string) => ids.has(id),
    /** The messages of a key, by their first occurrence. */
    of: (key: string): ReadonlyArray<WireMessage> => byKey.get(key) ?? [],
    /** Returns when every consumer has acknowledged it. */
    deliver: (...messages: ReadonlyArray<WireMessage>): Effect.Effect<void, BusUnavailable> => inner.publish(messages),
    moved: wake,
    /** Waits until it holds; asked anew whenever something was published or left an outbox. */
    until: <E, R>(holds: Effect.Effect<boolean, E, R>) =>
      Effect.scoped(Effect.gen(function*() {
        const movement = yield* listen
        while (!(yield* holds)) yield* movement
      }))
  }
})

export type HeldBus = Effect.Success<ReturnType<typeof makeHeldBus>>
