import { Amount } from "@g-store/contracts/Amount.ts"
import { OrderId } from "@g-store/contracts/Ids.ts"
import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { EVENT_TYPE, type IncomingMessage, MESSAGE_ID } from "@g-store/messaging/Message.ts"
import { DateTime, Effect, Exit, Schedule } from "effect"
import type { Network } from "../engine/Network.ts"
import { Process } from "../engine/Process.ts"
import type { Broker } from "../servers/Broker.ts"
import { userId } from "./Customers.ts"
import type { Journal } from "./Journal.ts"
import type { Errand } from "./Workload.ts"

/** Marks what other systems sent, so that the rules can tell it apart. No service looks at it. */
export const FOREIGN = "foreign"

type Foreign = Extract<Errand, { readonly _tag: "Foreign" }>

/** What another system puts on a topic; `orderId` is the order that it pretends to be about. */
const message = (
  { amount, kind, name, to }: Foreign,
  orderId: string,
  now: number
): Omit<IncomingMessage, "partition" | "offset"> => {
  const topic = to === "orders" ? PAYMENT_EVENTS : ORDER_EVENTS
  const type = to === "orders" ? "PaymentProcessed" : "OrderCreated"
  const garbage = Uint8Array.of(7, 255, 255, 255, 3)
  const headers = { [FOREIGN]: name, [MESSAGE_ID]: `foreign-${name}` }
  switch (kind) {
    case "unknown type":
      return { topic, key: orderId, headers: { ...headers, [EVENT_TYPE]: "StockCounted" }, payload: garbage }
    case "undecodable":
      return { topic, key: orderId, headers: { ...headers, [EVENT_TYPE]: type }, payload: garbage }
    case "no id":
      return { topic, key: orderId, headers: { [FOREIGN]: name, [EVENT_TYPE]: type }, payload: garbage }
    case "no type":
      return { topic, key: orderId, headers, payload: garbage }
    case "null key":
      return { topic, key: null, headers: { ...headers, [EVENT_TYPE]: type }, payload: garbage }
    case "null payload":
      return { topic, key: orderId, headers: { ...headers, [EVENT_TYPE]: type }, payload: null }
    case "another amount": {
      const { eventType, payload } = encodeEvent({
        _tag: "PaymentProcessed",
        orderId: OrderId.make(orderId),
        userId: userId(0),
        amount: Amount.make(amount),
        status: "SUCCESS",
        occurredAt: DateTime.makeUnsafe(now)
      })
      return { topic: PAYMENT_EVENTS, key: orderId, headers: { ...headers, [EVENT_TYPE]: eventType }, payload }
    }
  }
}

/** Another system writes to our topics: once the order is there whose key it uses, and until the broker has taken it. */
export const runForeign = (
  { broker, journal, network }: { readonly broker: Broker; readonly journal: Journal; readonly network: Network },
  errand: Foreign,
  onEnd: () => void
): void => {
  const { world } = network
  const process = new Process(world, errand.name, 1)
  const send = (orderId: string) =>
    network.request<void, never>(process, {
      server: broker.name,
      label: `foreign ${errand.name}`,
      repeatable: true,
      apply: (reply) => {
        broker.publish([message(errand, orderId, world.now)], false)
        reply(Exit.void)
      }
    }).pipe(Effect.retry(Schedule.spaced(600)), Effect.orDie)
  const placed = Effect.gen(function*() {
    for (;;) {
      const orderId = journal.placed.get(errand.of)
      if (orderId !== undefined) return orderId
      yield* Effect.sleep(300)
    }
  })
  process.run(
    Effect.sleep(errand.at).pipe(Effect.andThen(placed), Effect.flatMap(send)),
    (exit) => Exit.isSuccess(exit) ? onEnd() : world.log(`${errand.name} gave up`)
  )
}
