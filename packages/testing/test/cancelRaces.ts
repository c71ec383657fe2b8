import { assert } from "@effect/vitest"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import { EVENT_TYPE } from "@g-store/messaging/Message.ts"
import { Effect } from "effect"
import { books, type Buyer, faults } from "./books.ts"
import { makeHeldBus } from "./heldBus.ts"
import type { StoreLayers } from "./stores.ts"
import { cancel, fund, heldOf, idOf, makeWorld, place, start, userOf, type World } from "./world.ts"

/** The customer asks for the cancel, or a message of that type arrives. */
export type Step = "cancel" | "OrderCreated" | "OrderCancelled" | "PaymentProcessed"
export type Schedule = ReadonlyArray<Step>

/** What may come when: nothing before what it follows from. */
const causes: Partial<Record<Step, Step>> = { PaymentProcessed: "OrderCreated", OrderCancelled: "cancel" }

/**
 * Every order of the steps, each so often. An order that cannot pay is cancelled by its payment: `declined` then lets the
 * cancellation arrive before anybody asked for it.
 */
export const schedules = (
  times: Readonly<Record<Step, number>>,
  declined = false
): ReadonlyArray<Schedule> => {
  const steps: ReadonlyArray<Step> = ["cancel", "OrderCreated", "OrderCancelled", "PaymentProcessed"]
  const continued = (before: Schedule): ReadonlyArray<Schedule> => {
    const next = steps.filter((step) => {
      const cause = declined && step === "OrderCancelled" ? undefined : causes[step]
      return before.filter((one) => one === step).length < times[step] &&
        (cause === undefined || before.includes(cause))
    })
    return next.length === 0 ? [before] : next.flatMap((step) => continued([...before, step]))
  }
  return continued([])
}

const PRICE = 60

const deliverAll = Effect.fnUntraced(function*(world: World, id: OrderId, delivered: Set<string>) {
  while (true) {
    const left = (yield* heldOf(world, id)).filter((message) => !delivered.has(idOf(message)))
    if (left.length === 0) return
    yield* world.bus.deliver(...left)
    left.forEach((message) => delivered.add(idOf(message)))
  }
})

/** Lives an order's life by the schedule, then lets arrive what has not. Gives the steps that there was something to do for. */
export const live = Effect.fnUntraced(function*(world: World, { userId }: Buyer, schedule: Schedule) {
  const id = yield* place(world, userId, PRICE)
  const delivered = new Set<string>()
  const taken: Array<Step> = []
  for (const step of schedule) {
    if (step === "cancel") {
      if (yield* cancel(world, userId, id)) taken.push(step)
      continue
    }
    const message = (yield* heldOf(world, id)).find(({ headers }) => headers[EVENT_TYPE] === step)
    if (message === undefined) continue
    yield* world.bus.deliver(message)
    delivered.add(idOf(message))
    taken.push(step)
  }
  yield* deliverAll(world, id, delivered)
  return { id, taken }
})

/** Fails with each schedule that ends in a way that it must not. */
export const racesHold = Effect.fnUntraced(function*(
  stores: StoreLayers,
  funds: number | null,
  all: ReadonlyArray<Schedule>
) {
  const world = yield* makeWorld(yield* makeHeldBus(), stores)
  yield* start.everything(world)
  const found = yield* Effect.forEach(all, (schedule, nth) =>
    Effect.gen(function*() {
      const buyer: Buyer = { userId: userOf(nth + 1), funds }
      if (funds !== null) yield* fund(world, buyer.userId, funds)
      const { id, taken } = yield* live(world, buyer, schedule)
      const outcome = yield* books(world, [buyer], [id])
      const told = world.bus.of(id).filter(({ headers }) => headers[EVENT_TYPE] === "PaymentProcessed").length
      const state = outcome.orders[0]?.payment?.state
      const overtaken = taken.includes("OrderCancelled") &&
        taken.indexOf("OrderCancelled") < (taken.indexOf("OrderCreated") + 1 || Infinity)
      const expected = overtaken ? "VOIDED" : funds !== null && funds >= PRICE ? "REFUNDED" : "DECLINED"
      return [
        ...faults(outcome),
        ...(state === expected ? [] : [`its payment is ${state}, not ${expected}`]),
        ...(told === (overtaken ? 0 : 1) ? [] : [`its payment was told of ${told} times`])
      ].map((fault) => `${schedule.join(", ")}: ${fault}`)
    }), { concurrency: 8 })
  assert.deepStrictEqual(found.flat(), [])
  return world
})
