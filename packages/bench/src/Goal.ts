/** One line of the table: what was measured against what, and whether it is as wanted. */
export interface Goal {
  readonly what: string
  readonly measured: string
  /** What the figure is a ratio to, as it was in this run. */
  readonly against: string
  /** The figure that the goal is about: a ratio, milliseconds, or a count. */
  readonly figure: number
  readonly unit?: "x" | "ms" | ""
  readonly atLeast?: number
  readonly atMost?: number
  /** Set where the run says nothing about the goal: why. */
  readonly void?: string
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Whether the goal is met; undefined where the run does not say. */
export const isMet = ({ atLeast, atMost, figure, void: voided }: Goal): boolean | undefined => {
  if (voided !== undefined || Number.isNaN(figure)) return undefined
  return (atLeast === undefined || figure >= atLeast) && (atMost === undefined || figure <= atMost)
}

const shown = (figure: number, unit: Goal["unit"]): string =>
  Number.isNaN(figure)
    ? "-"
    : unit === "ms"
    ? `${figure.toFixed(1)} ms`
    : unit === ""
    ? String(figure)
    : `${figure.toFixed(2)}x`

const wanted = ({ atLeast, atMost, unit }: Goal): string =>
  [
    ...(atLeast === undefined ? [] : [`>= ${atLeast}`]),
    ...(atMost === undefined ? [] : [`<= ${atMost}`])
  ].join(", ") + (unit === "ms" ? " ms" : unit === "" ? "" : "x")

const verdict = (goal: Goal): string => {
  const met = isMet(goal)
  return met === undefined ? `void: ${goal.void ?? "no figure"}` : met ? "met" : "MISSED"
}

/** The goals as a Markdown table. */
export const table = (goals: ReadonlyArray<Goal>): string =>
  [
    "| goal | figure | wanted | | measured | against |",
    "| --- | --- | --- | --- | --- | --- |",
    ...goals.map((goal) =>
      `| ${goal.what} | ${shown(goal.figure, goal.unit)} | ${wanted(goal)} | ${
        verdict(goal)
      } | ${goal.measured} | ${goal.against} |`
    )
  ].join("\n")
