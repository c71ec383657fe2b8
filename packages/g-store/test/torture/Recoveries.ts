import type { Figures } from "../chaos/Verdict.ts"

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

/** Durations by the kind of what they are the durations of. */
export const recoveries = () => {
  const all = new Map<string, Array<number>>()
  return {
    add: (kind: string, millis: number): void => {
      const known = all.get(kind)
      if (known === undefined) all.set(kind, [millis])
      else known.push(millis)
    },
    /** Of each kind how many there were, the median, and the longest: one outlier shows beside the others. */
    figures: (): Figures =>
      [...all].toSorted(([one], [other]) => one.localeCompare(other)).map(([kind, found]) => {
        const sorted = found.toSorted((one, other) => one - other)
        const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
        return [kind, `median ${seconds(median)}, longest ${seconds(sorted.at(-1) ?? 0)} of ${sorted.length}`]
      })
  }
}

export type Recoveries = ReturnType<typeof recoveries>
