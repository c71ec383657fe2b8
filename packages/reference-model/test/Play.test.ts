import { assert, describe, it } from "@effect/vitest"
import { EVENT_TYPE } from "@g-store/messaging/Message.ts"
import { Effect } from "effect"
import type { Sequence } from "../src/Sequence.ts"
import { play } from "./play.ts"
import { makeRig, type Rig } from "./Rig.ts"

const cancelled: Sequence = [
  [{ do: "open" }],
  [{ do: "topUp", amount: 100, by: "owner" }],
  [{ do: "create", order: 0, amount: 60 }],
  [{ do: "deliver", order: 0, message: "created", again: false }],
  [{ do: "cancel", order: 0, by: "owner" }],
  [{ do: "balance" }]
]

const followed: Sequence = [
  ...cancelled.slice(0, 4),
  [{ do: "follow", order: 0, after: 0 }],
  [{ do: "deliver", order: 0, message: "paid", again: false }],
  [{ do: "cancel", order: 0, by: "owner" }]
]

/** What playing says of a store that one thing is wrong with. */
const verdict = (spoilt: (rig: Rig) => Rig, sequence = cancelled) =>
  Effect.flatMap(makeRig("memory"), (rig) => play(spoilt(rig), sequence))

// Else the sequences would hold for any store.
describe("playing a sequence", () => {
  it.live("finds nothing wrong with the store as it is", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* verdict((rig) => rig))
    }).pipe(Effect.scoped))

  it.live("finds the refund that a lost message owes", () =>
    Effect.gen(function*() {
      const found = yield* verdict((rig) => ({
        ...rig,
        bus: {
          ...rig.bus,
          deliver: (messages) =>
            rig.bus.deliver(messages.filter(({ headers }) => headers[EVENT_TYPE] !== "OrderCancelled"))
        }
      }))
      assert.include(found, "the feed tells")
    }).pipe(Effect.scoped))

  it.live("finds the money that a top-up brings twice", () =>
    Effect.gen(function*() {
      const found = yield* verdict((rig) => ({
        ...rig,
        accounts: {
          ...rig.accounts,
          topUp: (...asked) => Effect.andThen(rig.accounts.topUp(...asked), rig.accounts.topUp(...asked))
        }
      }))
      assert.include(found, "no order of it explains")
    }).pipe(Effect.scoped))

  it.live("finds the subscriber who is not told of what happens", () =>
    Effect.gen(function*() {
      const deaf = (rig: Rig) => ({ ...rig, tail: { ...rig.tail, listenToOrder: () => () => undefined } })
      assert.include(yield* verdict(deaf, followed), "a subscriber was to be told of [1,2,3]")
    }).pipe(Effect.scoped))
})
