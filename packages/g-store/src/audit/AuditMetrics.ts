import { Effect, Metric } from "effect"
import { type Invariant, invariants } from "./Finding.ts"
import type { Rows } from "./Rows.ts"

/** Why rows were looked at. */
export const ways = ["written", "again", "sweep"] as const
export type Way = typeof ways[number]

const checked = Metric.counter("gstore_audit_rows_checked_total", {
  description: "Rows that the standing audit looked at: just written, suspected before, or in its round",
  incremental: true
})
const violations = Metric.gauge("gstore_audit_violations", {
  description: "Violations that stand, by invariant; falls again with the check that finds them mended"
})
const suspicions = Metric.gauge("gstore_audit_suspicions", {
  description: "What may be work in flight and counts only if it stays"
})
const unfollowed = Metric.gauge("gstore_audit_unfollowed", {
  description: "Suspected rows that the last look met beyond those that are followed; the sweep comes back to them"
})
const looked = Metric.gauge("gstore_audit_last_look_seconds", {
  description: "Seconds since the last complete look began"
})
const swept = Metric.gauge("gstore_audit_sweep_age_seconds", {
  description: "Seconds since the visit of the row that was not visited for the longest time, by table"
})

// No journal is kept by a running store: what it acknowledged is known to its callers alone.
const standing = (Object.keys(invariants) as ReadonlyArray<Invariant>).filter((name) => name !== "journalled-kept")

export const countChecked = (rows: string, way: Way, count: number) =>
  Metric.update(Metric.withAttributes(checked, { rows, way }), count)

/** What stands open after a look. */
export const setOpen = (
  counts: {
    readonly violations: ReadonlyMap<Invariant, number>
    readonly suspicions: number
    readonly unfollowed: number
  }
) =>
  Effect.andThen(
    Effect.forEach(
      standing,
      (invariant) =>
        Metric.update(Metric.withAttributes(violations, { invariant }), counts.violations.get(invariant) ?? 0),
      { discard: true }
    ),
    Effect.andThen(Metric.update(suspicions, counts.suspicions), Metric.update(unfollowed, counts.unfollowed))
  )

/** How old the last look and the rounds are, in milliseconds. */
export const setAges = (lastLook: number, sweeps: ReadonlyArray<readonly [table: Rows["name"], age: number]>) =>
  Effect.andThen(
    Metric.update(looked, lastLook / 1_000),
    Effect.forEach(
      sweeps,
      ([table, age]) => Metric.update(Metric.withAttributes(swept, { table }), age / 1_000),
      { discard: true }
    )
  )
