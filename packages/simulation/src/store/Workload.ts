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

export const planWorkload = (seed: number, count: number): ReadonlyArray<Errand> => {
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
  return [...orders, ...topUps]
}
