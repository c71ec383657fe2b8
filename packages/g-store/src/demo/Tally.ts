import { Context, Effect, Layer } from "effect"

/** What a demo has seen so far; milliseconds. */
export interface Count {
  readonly createdIn: ReadonlyArray<number>
  readonly paidIn: ReadonlyArray<number>
  readonly finished: number
  readonly failures: ReadonlyArray<string>
}

/** Counts and latencies of a running demo. */
export class Tally extends Context.Service<Tally, {
  readonly created: (millis: number) => Effect.Effect<void>
  readonly paid: (millis: number) => Effect.Effect<void>
  readonly finished: Effect.Effect<void>
  readonly failed: (reason: string) => Effect.Effect<void>
  readonly read: Effect.Effect<Count>
}>()("@g-store/g-store/Tally") {
  static readonly layer = Layer.sync(Tally, () => {
    const createdIn: Array<number> = []
    const paidIn: Array<number> = []
    const failures: Array<string> = []
    let finished = 0
    return Tally.of({
      created: (millis) => Effect.sync(() => void createdIn.push(millis)),
      paid: (millis) => Effect.sync(() => void paidIn.push(millis)),
      finished: Effect.sync(() => void finished++),
      failed: (reason) => Effect.sync(() => void failures.push(reason)),
      read: Effect.sync(() => ({ createdIn, paidIn, finished, failures }))
    })
  })
}

/** The value below which `share` (0 to 1) of the values lie; undefined of none. */
export const percentile = (values: ReadonlyArray<number>, share: number): number | undefined =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]
