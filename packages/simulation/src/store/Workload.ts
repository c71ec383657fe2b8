import { type Prng, prng } from "../engine/Prng.ts"

/** What somebody asks of an order some time after its 201. */
export interface Step {
  /** Ms after the answer to the step before. */
  readonly wait: number
  readonly ask: "cancel" | "staffCancel" | "ASSEMBLING" | "ASSEMBLED" | "DELIVERING" | "ISSUED"
}

/** One thing that a customer has in mind: data, so that a plan can be printed and shrunk. */
export type Errand =
  | {
    readonly _tag: "Order"
    readonly name: string
    /** Virtual ms since the beginning. */
    readonly at: number
    readonly user: number
    readonly amount: number
    /** Which replica is asked first. */
    readonly replica: number
    readonly steps: ReadonlyArray<Step>
  }
  | {
    readonly _tag: "TopUp"
    readonly name: string
    readonly at: number
    readonly user: number
    readonly amount: number
  }
  /** Another system writes something to a topic that we read, under the key of an order. */
  | {
    readonly _tag: "Foreign"
    readonly name: string
    readonly at: number
    readonly kind: (typeof kinds)[number]
    /** The order whose key it takes. */
    readonly of: string
    /** Whose consumer it is made for: the topic follows from that. */
    readonly to: "orders" | "payments"
    readonly amount: number
  }
  /** A service has a bug that breaks it down over the events of one order, until a release mends it. */
  | {
    readonly _tag: "Flaw"
    readonly name: string
    readonly service: "orders" | "payments" | "notify"
    readonly of: string
    /** Virtual ms since the beginning. */
    readonly until: number
  }

const kinds = [
  "unknown type",
  "undecodable",
  "no id",
  "no type",
  "null key",
  "null payload",
  "another amount"
] as const

/** Users 0 and 1 have an account with this much; user 2 has none. */
export const FUNDS = 100

const deliver = ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const

const stepsOf = (random: Prng): ReadonlyArray<Step> => {
  const wait = () => random.below(random.chance(0.4) ? 30 : 1_500)
  const kind = random.below(10)
  if (kind < 3) return []
  if (kind < 6) return [{ wait: wait(), ask: "cancel" }]
  const moves = deliver.slice(0, 1 + random.below(4)).map((ask): Step => ({ wait: wait(), ask }))
  if (kind < 8) return moves
  return [...moves.slice(0, 2), { wait: wait(), ask: kind === 8 ? "staffCancel" : "cancel" }]
}

export const planWorkload = (seed: number, count: number, trouble: boolean): ReadonlyArray<Errand> => {
  const random = prng(seed, "workload")
  const orders = Array.from({ length: count }, (_, nth): Errand => ({
    _tag: "Order",
    name: `o${nth + 1}`,
    at: random.below(2_500),
    user: random.chance(0.1) ? 2 : random.below(2),
    amount: 20 + random.below(50),
    replica: random.below(2),
    steps: stepsOf(random)
  }))
  const topUps = Array.from({ length: random.below(2) }, (_, nth): Errand => ({
    _tag: "TopUp",
    name: `t${nth + 1}`,
    at: random.below(2_500),
    user: random.below(2),
    amount: 10 + random.below(50)
  }))
  return [...orders, ...topUps, ...(trouble ? planTrouble(seed, count) : [])]
}

/** What makes dead letters: in a third of the plans something, from outside or of our own making. */
const planTrouble = (seed: number, orders: number): ReadonlyArray<Errand> => {
  const random = prng(seed, "trouble")
  if (random.chance(0.65)) return []
  return Array.from({ length: 1 + random.below(3) }, (_, nth): Errand => {
    const name = `x${nth + 1}`
    const of = `o${1 + random.below(orders)}`
    if (random.chance(0.5)) {
      return {
        _tag: "Flaw",
        name,
        service: random.pick(["orders", "payments", "notify"]),
        of,
        until: random.below(6_000)
      }
    }
    const [at, kind, amount] = [random.below(4_000), random.pick(kinds), 1 + random.below(15)]
    return { _tag: "Foreign", name, at, kind, of, to: random.pick(["orders", "payments"]), amount }
  })
}
