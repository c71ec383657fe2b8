import { assert, describe, it } from "@effect/vitest"
import { explained } from "../src/Explanation.ts"
import type { Command, State } from "../src/Notebook.ts"
import { nothing, settled, step } from "../src/StoreModel.ts"

const done = (...said: ReadonlyArray<readonly [Command, string]>) =>
  said.map(([command, answer]) => ({ command, answer }))
const after = (...commands: ReadonlyArray<Command>): State =>
  commands.reduce((state, command) => step(state, command).state, nothing(2))

const create: Command = { do: "create", order: 0, amount: 60 }
const cancel: Command = { do: "cancel", order: 0, by: "owner" }
const open: Command = { do: "open" }
const topUp: Command = { do: "topUp", amount: 100, by: "owner" }
const word = (order: number, message: "created" | "cancelled"): Command => ({
  do: "deliver",
  order,
  message,
  again: false
})

describe("the reference model", () => {
  it("lets one of two cancels at the same time win, never both and never none", () => {
    const before = [after(create)]
    assert.lengthOf(explained(before, done([cancel, "204"], [cancel, "409"])), 1)
    assert.deepStrictEqual(explained(before, done([cancel, "204"], [cancel, "204"])), [])
    assert.deepStrictEqual(explained(before, done([cancel, "409"], [cancel, "409"])), [])
  })

  it("keeps every end that some order explains: of two orders one balance pays either", () => {
    const before = [after(open, topUp, create, { do: "create", order: 1, amount: 60 })]
    const ends = explained(before, done([word(0, "created"), "delivered"], [word(1, "created"), "delivered"]))
    assert.sameMembers(
      ends.map(({ payments }) => payments.map((payment) => payment?.state).join()),
      ["CHARGED,DECLINED", "DECLINED,CHARGED"]
    )
  })

  it("charges nothing when the cancel arrives before the creation, and gives back what was charged before it", () => {
    const cancelled = after(open, topUp, create, cancel)
    const overtaken = settled(step(cancelled, word(0, "cancelled")).state)
    assert.deepStrictEqual(overtaken.payments[0], { state: "VOIDED", amount: 60 })
    assert.lengthOf(overtaken.ledger ?? [], 1)
    const inTurn = settled(cancelled)
    assert.deepStrictEqual(inTurn.payments[0], { state: "REFUNDED", amount: 60 })
    assert.deepStrictEqual(inTurn.ledger?.map(({ type }) => type), ["TOP_UP", "PAYMENT", "REFUND"])
  })
})
