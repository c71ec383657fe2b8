import { Clock, Duration, Effect } from "effect"
import { countChecked, type Way, ways } from "./AuditMetrics.ts"
import { checking, type Kind, kinds } from "./Checks.ts"
import { makeDocket, type Verdict } from "./Docket.ts"
import type { Checked } from "./Finding.ts"
import type { In } from "./OrderChecks.ts"
import { hasFeed } from "./OrdersReader.ts"

export interface ExaminerOptions {
  readonly feedRetention: Duration.Duration
  /** How long work in flight may take before it counts. */
  readonly settle: Duration.Duration
  /** Rows per statement. */
  readonly batch: number
}

/** Suspected rows that are followed. */
const FOLLOWED = 10_000
const REMIND_MILLIS = 10 * 60_000

/**
 * The share of a connection's time that each way of looking takes at most: half for what was written, which has 10
 * seconds, a fifth for what has longer.
 */
const shares: Readonly<Record<Way, number>> = { written: 0.5, again: 0.2, sweep: 0.2 }

/** Rests after each piece of work, so that the store has the rest of the time. */
export const sparing = Effect.fnUntraced(function*<A, E>(way: Way, work: Effect.Effect<A, E>) {
  const begun = yield* Clock.currentTimeMillis
  const result = yield* work
  const took = (yield* Clock.currentTimeMillis) - begun
  if (took > 0) yield* Effect.sleep(Duration.millis(took * (1 / shares[way] - 1)))
  return result
})

/** Asks the rules about rows, a batch at a time, and keeps what they find in the docket. */
export const makeExaminer = Effect.fnUntraced(function*(inside: In, options: ExaminerOptions) {
  const docket = makeDocket({ settle: Duration.toMillis(options.settle), remind: REMIND_MILLIS, limit: FOLLOWED })
  // Kept until it is asked for: what a pass brought to light is told although the pass could not end.
  let untold: Verdict = { violations: [], mended: [] }
  // There from the start, so that a rate can be taken of the first.
  for (const kind of [...kinds, "decision"]) for (const way of ways) yield* countChecked(kind, way, 0)

  const record = (kind: string, checked: Checked) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const verdict = docket.record(kind, checked, now)
      untold = {
        violations: [...untold.violations, ...verdict.violations],
        mended: [...untold.mended, ...verdict.mended]
      }
    })

  /** Begins a pass, which asks about no row twice. */
  const pass = Effect.gen(function*() {
    const seen = new Map<Kind, Set<string>>(kinds.map((kind) => [kind, new Set()]))
    const feed = { compared: yield* inside("notifications", hasFeed), retention: options.feedRetention }
    const check = checking(inside, feed)
    return Effect.fnUntraced(function*(kind: Kind, way: Way, ids: ReadonlyArray<string>) {
      const fresh = ids.filter((id) => seen.get(kind)?.has(id) !== true)
      for (let n = 0; n < fresh.length; n += options.batch) {
        const some = fresh.slice(n, n + options.batch)
        yield* record(kind, yield* sparing(way, check(kind, some)))
        for (const id of some) seen.get(kind)?.add(id)
        yield* countChecked(kind, way, some.length)
      }
    })
  })

  /** What became a violation and what was mended since this was last asked. */
  const verdict = Effect.sync(() => {
    const told = untold
    untold = { violations: [], mended: [] }
    return told
  })

  const { beginLook, counts, due } = docket
  return { pass, record, verdict, beginLook, due, counts }
})
