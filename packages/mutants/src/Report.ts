import type { Mutant } from "./Mutant.ts"
import type { Verdict } from "./Verdict.ts"

/** What came of one mutant. */
export interface Tried {
  readonly mutant: Mutant
  readonly verdict: Verdict
  readonly seconds: number
}

/** The test that caught it, or why there is none. */
const saidOf = (verdict: Verdict): string => verdict._tag === "Caught" ? verdict.by.join("; ") : verdict.reason

/** One line while the run goes on. */
export const lineOf = ({ mutant, seconds, verdict }: Tried, width: number): string =>
  `${verdict._tag.padEnd(8)} ${mutant.name.padEnd(width)} ${seconds.toFixed(0).padStart(4)} s  ${saidOf(verdict)}`

/** The whole run: each mutant with what it breaks, what caught it and how long that took, and how many there were. */
export const tableOf = (tried: ReadonlyArray<Tried>, seconds: number): string => {
  const rows = [
    ["mutant", "guarantee", "caught by", "seconds"],
    ...tried.map(({ mutant, seconds: took, verdict }) => [
      mutant.name,
      mutant.guarantee,
      verdict._tag === "Caught" ? saidOf(verdict) : `NOT CAUGHT, ${verdict._tag}: ${saidOf(verdict)}`,
      took.toFixed(0)
    ])
  ]
  const widths = [0, 1, 2].map((nth) => Math.max(...rows.map((row) => (row[nth] ?? "").length)))
  const lines = rows.map((row) => row.map((cell, nth) => cell.padEnd(widths[nth] ?? 0)).join(" | "))
  const caught = tried.filter(({ verdict }) => verdict._tag === "Caught").length
  return [...lines, `${caught} of ${tried.length} mutants were caught, in ${seconds.toFixed(0)} s`].join("\n")
}
