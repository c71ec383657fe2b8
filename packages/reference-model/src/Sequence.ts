import { Arbitrary, Schema } from "effect"
import type { Command } from "./Notebook.ts"

/** How many orders a sequence is about, of one customer with one account. */
export const ORDERS = 2

/** Listens to an order from now on; `after` is the version that the subscriber has seen. */
export interface Follow {
  readonly do: "follow"
  readonly order: number
  readonly after?: number
}

/** Steps one after the other; the commands of a step at the same time. */
export type Sequence = ReadonlyArray<ReadonlyArray<Command | Follow>>

const order = Schema.Literals([0, 1])
const ifVersion = Schema.optionalKey(Schema.Literals([1, 2, 3]))
// Two orders cost more than one top-up brings, so that they compete for it.
const amount = Schema.Literals([60, 100])
const deliver = Schema.Struct({
  do: Schema.Literals(["deliver"]),
  order,
  message: Schema.Literals(["created", "paid", "cancelled", "moved"]),
  again: Schema.Boolean
})
const cancel = Schema.Struct({
  do: Schema.Literals(["cancel"]),
  order,
  by: Schema.Literals(["owner", "staff", "stranger"]),
  ifVersion
})
const move = Schema.Struct({
  do: Schema.Literals(["move"]),
  order,
  to: Schema.Literals(["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED", "PAID"]),
  ifVersion
})
const create = Schema.Struct({ do: Schema.Literals(["create"]), order, amount })
const topUp = Schema.Struct({ do: Schema.Literals(["topUp"]), amount, by: Schema.Literals(["owner", "stranger"]) })
const rest = [
  Schema.Struct({ do: Schema.Literals(["open"]) }),
  Schema.Struct({ do: Schema.Literals(["look"]), order }),
  Schema.Struct({ do: Schema.Literals(["balance"]) }),
  Schema.Struct({ do: Schema.Literals(["follow"]), order, after: Schema.optionalKey(Schema.Literals([0, 1, 2])) })
] as const

/** Deliveries, cancels and creations are what races are made of: they come as often as all else together. */
const Action = Schema.Union([create, create, deliver, deliver, deliver, deliver, cancel, topUp, move, ...rest])

const open: Sequence = [[{ do: "open" }], [{ do: "topUp", amount: 100, by: "owner" }]]
const one: Sequence = [...open, [{ do: "create", order: 0, amount: 60 }]]
const paid: Sequence = [
  ...one,
  [{ do: "deliver", order: 0, message: "created", again: false }],
  [{ do: "deliver", order: 0, message: "paid", again: false }]
]
/** Where sequences begin, for most of what is interesting needs an account and an order; the simplest is the first. */
const openings: Readonly<Record<"nothing" | "open" | "one" | "two" | "paid" | "assembled", Sequence>> = {
  nothing: [],
  open,
  one,
  two: [...one, [{ do: "create", order: 1, amount: 60 }]],
  paid,
  assembled: [
    ...paid,
    [{ do: "move", order: 0, to: "ASSEMBLING" }],
    [{ do: "move", order: 0, to: "ASSEMBLED" }]
  ]
}

/** Any sequence; one that fails is cut down to a small one that fails as well. */
export const sequences: Arbitrary.Arbitrary<Sequence> = Arbitrary.map(
  Arbitrary.all({
    opening: Arbitrary.schema(Schema.Literals(["nothing", "open", "one", "two", "paid", "assembled"])),
    steps: Arbitrary.array(
      Arbitrary.array(Arbitrary.schema(Action), { minLength: 1, maxLength: 3 }),
      { minLength: 1, maxLength: 10 }
    )
  }),
  ({ opening, steps }) => [...openings[opening], ...steps]
)
