import { Effect, Random } from "effect"

/** What may be lost as a whole, or reached only through a network that breaks. */
export type Server = "PostgreSQL" | "Kafka"

/** Messages that somebody published by mistake; Corrupt.ts says what becomes of each kind. */
export const corruptKinds = [
  "garbage",
  "without a type",
  "unknown type",
  "without a status",
  "garbage for a known order",
  "unknown order",
  "garbage payment for a known order"
] as const
export type CorruptKind = typeof corruptKinds[number]

/** One thing that goes wrong. Victims are the indices of processes; durations are milliseconds. */
export type Fault =
  /** SIGKILL to one process or two at once; with `againAfter` the first one once more while it starts. */
  | { readonly _tag: "Kill"; readonly victims: ReadonlyArray<number>; readonly againAfter?: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly _tag: "Pause"; readonly of: Server | number; readonly millis: number }
  /** The server ends, by SIGKILL or in an orderly way, and is started again. */
  | { readonly _tag: "Outage"; readonly of: Server; readonly hard: boolean; readonly millis: number }
  /** Connections through the network: a share of those that there are, or for a while all of them. */
  | { readonly _tag: "Cut"; readonly of: Server; readonly how: "reset" | "silent"; readonly share: number }
  | { readonly _tag: "Cut"; readonly of: Server; readonly how: "slow"; readonly millis: number; readonly delay: number }
  | { readonly _tag: "Corrupt"; readonly kind: CorruptKind }

export interface Planned {
  /** Milliseconds from the beginning of the load. */
  readonly at: number
  readonly fault: Fault
}

export interface ScheduleOptions {
  /** How many processes there are to kill. */
  readonly processes: number
  /** Milliseconds within which everything begins. */
  readonly window: number
  readonly kills: number
  readonly pauses: number
  readonly postgres: number
  readonly kafka: number
  readonly cuts: number
  readonly corrupt: number
}

/** One after the other, each at a random moment of its own share of the window. */
const spread = (faults: ReadonlyArray<Fault>, window: number) =>
  Effect.forEach(
    faults,
    (fault, nth) =>
      Effect.map(Random.next, (part): Planned => ({ at: Math.round(((nth + part) / faults.length) * window), fault }))
  )

const below = (end: number) => Random.nextIntBetween(0, end, { halfOpen: true })
const chance = (share: number) => Effect.map(Random.next, (drawn) => drawn < share)

/** A third of the kills strike two at once, some strike again before the process has come back. */
const kills = Effect.fnUntraced(function*(count: number, processes: number) {
  const faults: Array<Fault> = []
  for (let left = count; left > 0;) {
    const first = yield* below(processes)
    const drawn = yield* Random.next
    if (left > 1 && drawn < 0.33) {
      const second = (first + 1 + (yield* below(processes - 1))) % processes
      faults.push({ _tag: "Kill", victims: [first, second] })
      left -= 2
    } else if (left > 1 && drawn < 0.45) {
      faults.push({ _tag: "Kill", victims: [first], againAfter: yield* Random.nextIntBetween(100, 2_500) })
      left -= 2
    } else {
      faults.push({ _tag: "Kill", victims: [first] })
      left -= 1
    }
  }
  return faults
})

const many = (count: number, one: (nth: number) => Effect.Effect<Fault>) =>
  Effect.forEach(Array.from({ length: count }, (_, nth) => nth), one)

/** Everything that will go wrong in a run, in the order of its time. The same seed gives the same. */
export const schedule = Effect.fnUntraced(function*(options: ScheduleOptions) {
  const outages = (of: Server, count: number) =>
    many(count, (nth) =>
      Effect.map(Random.nextIntBetween(200, 3_500), (millis): Fault => ({
        _tag: "Outage",
        of,
        hard: nth % 2 === 0,
        millis
      })))
  const pauses = many(options.pauses, (nth) =>
    Effect.gen(function*() {
      // Longer than a relay's lease at times.
      const millis = yield* Random.nextIntBetween(500, 8_000)
      const of = nth % 3 === 0 ? "PostgreSQL" : nth % 3 === 1 ? "Kafka" : yield* below(options.processes)
      return { _tag: "Pause", of, millis } satisfies Fault
    }))
  const cuts = many(options.cuts, (nth) =>
    Effect.gen(function*() {
      const of = (yield* chance(0.5)) ? "PostgreSQL" : "Kafka"
      if (nth % 3 === 2) {
        const delay = yield* Random.nextIntBetween(20, 400)
        return {
          _tag: "Cut",
          of,
          how: "slow",
          delay,
          millis: yield* Random.nextIntBetween(1_000, 6_000)
        } satisfies Fault
      }
      const share = (yield* chance(0.3)) ? 1 : yield* Random.next
      return { _tag: "Cut", of, how: nth % 3 === 0 ? "reset" : "silent", share } satisfies Fault
    }))
  const corrupt = many(
    options.corrupt,
    (nth) => Effect.succeed({ _tag: "Corrupt", kind: corruptKinds[nth % corruptKinds.length] ?? "garbage" })
  )

  const kinds = [
    yield* kills(options.kills, options.processes),
    yield* outages("PostgreSQL", options.postgres),
    yield* outages("Kafka", options.kafka),
    yield* pauses,
    yield* cuts,
    yield* corrupt
  ]
  const planned = yield* Effect.forEach(kinds, (faults) => spread(faults, options.window))
  return planned.flat().toSorted((one, other) => one.at - other.at)
})
