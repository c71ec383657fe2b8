import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { racesHold, schedules } from "./cancelRaces.ts"
import { MemoryStores } from "./stores.ts"

const twice = { cancel: 1, OrderCreated: 2, OrderCancelled: 2, PaymentProcessed: 2 }

describe("a cancel that races the payment, in every order of arrival and with everything twice", () => {
  it("is tried in all its orders", () => {
    assert.lengthOf(schedules({ cancel: 1, OrderCreated: 1, OrderCancelled: 1, PaymentProcessed: 1 }), 6)
    assert.lengthOf(schedules(twice), 105)
    assert.lengthOf(schedules(twice, true), 315)
  })

  it.live("never leaves a cancelled order charged, and charges nothing when it comes before the creation", () =>
    Effect.scoped(racesHold(MemoryStores, 100, schedules(twice))))

  it.live("ends declined or void when the money does not suffice", () =>
    Effect.scoped(racesHold(MemoryStores, 10, schedules(twice, true))))

  it.live("ends declined or void when there is no account", () =>
    Effect.scoped(racesHold(MemoryStores, null, schedules(twice, true))))
})
