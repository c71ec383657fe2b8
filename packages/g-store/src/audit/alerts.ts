import { Effect } from "effect"
import type { Verdict } from "./Docket.ts"
import { type Finding, type Invariant, invariants, remedies } from "./Finding.ts"

/** Ids that a line names; the audit command names all. */
const NAMED = 20

const some = (texts: ReadonlyArray<string>): string =>
  texts.slice(0, NAMED).join("; ") + (texts.length > NAMED ? `; and ${texts.length - NAMED} more` : "")

/** One line for each invariant: ERROR with the offending ids and what to do, INFO once they are mended. */
export const alert = ({ mended, violations }: Verdict) =>
  Effect.gen(function*() {
    const byInvariant = (findings: ReadonlyArray<Finding>): ReadonlyMap<Invariant, ReadonlyArray<Finding>> =>
      Map.groupBy(findings, ({ invariant }) => invariant)
    for (const [invariant, findings] of byInvariant(violations)) {
      yield* Effect.logError(
        `violated: ${invariants[invariant]}: ${some(findings.map(({ detail, id }) => `${id} ${detail}`))}. ${
          remedies[invariant]
        }.`
      ).pipe(Effect.annotateLogs({ invariant, violations: findings.length }))
    }
    for (const [invariant, findings] of byInvariant(mended)) {
      yield* Effect.logInfo(`holds again: ${invariants[invariant]}: ${some(findings.map(({ id }) => id))}`).pipe(
        Effect.annotateLogs({ invariant })
      )
    }
  })
