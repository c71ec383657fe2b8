import { Clock, Duration, Effect, Schedule } from "effect"
import { makeDocket } from "./Docket.ts"
import type { Checked, Finding } from "./Finding.ts"

/** How many rows are asked about again together. */
const CHUNK = 2_000

/**
 * What one run of the audit finds. A breach stays one, whatever later checks find; what may be work in flight is one
 * once a check still finds the very same thing after the settling time.
 */
export const makeSettling = (settle: Duration.Duration) => {
  const docket = makeDocket({ settle: Duration.toMillis(settle), remind: Infinity, limit: Infinity })
  const found: Array<Finding> = []

  const record = <E>(kind: string, check: Effect.Effect<Checked, E>) =>
    Effect.flatMap(check, (checked) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        for (const finding of docket.record(kind, checked, now).violations) found.push(finding)
      }))

  /** Asks about what is suspected now again and again, until nothing more is suspected of it: it is done, or a breach. */
  const follow = <E>(kind: string, check: (rows: ReadonlyArray<string>) => Effect.Effect<Checked, E>) =>
    Effect.suspend(() => {
      const suspects = new Set([...docket.suspicions(kind).values()].flat().map(({ id }) => id))
      const unsettled = () =>
        [...docket.suspicions(kind)].flatMap(([row, findings]) =>
          findings.some(({ id }) => suspects.has(id)) ? [row] : []
        )
      const again = Effect.gen(function*() {
        const rows = unsettled()
        for (let n = 0; n < rows.length; n += CHUNK) yield* record(kind, check(rows.slice(n, n + CHUNK)))
      })
      return Effect.repeat(again, { schedule: Schedule.spaced("1 second"), while: () => unsettled().length > 0 })
    })

  return {
    record,
    follow,
    breaches: (): ReadonlyArray<Finding> => found.map((finding) => ({ ...finding, inFlight: false })),
    suspicions: docket.suspicions
  }
}
