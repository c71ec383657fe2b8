import { START } from "./Rows.ts"

const END = "ffffffff-ffff-ffff-ffff-ffffffffffff"

/** The rows up to `id` (and above the mark before) were visited at `at`, in milliseconds. */
interface Visit {
  readonly id: string
  readonly at: number
}

/** One pass after the other through a table in the order of its ids, a few rows at a time. */
export const makeSweep = (startedAt: number) => {
  let after = START
  let visited = 0
  let rows: number | undefined = undefined
  let round: Array<Visit> = []
  // The visits of the round before that this one has not caught up with.
  let before: Array<Visit> = [{ id: END, at: startedAt }]

  return {
    /** Where the next rows begin. */
    after: () => after,
    /** How many rows the last whole round met. */
    rows: () => rows,
    /** These rows were visited; `end`: they were the last. */
    visit: (ids: ReadonlyArray<string>, end: boolean, now: number) => {
      const last = end ? END : ids.at(-1)
      if (last === undefined) return
      visited += ids.length
      round.push({ id: last, at: now })
      const at = before.findIndex((visit) => visit.id > last)
      before = at === -1 ? [] : before.slice(at)
      after = last
      if (end) {
        rows = visited
        before = round
        round = []
        visited = 0
        after = START
      }
    },
    /** Milliseconds since the visit of the row that was not visited for the longest time. */
    age: (now: number) => now - (before[0]?.at ?? startedAt)
  }
}

export type Sweep = ReturnType<typeof makeSweep>

/**
 * How many rows to visit after `elapsed` milliseconds, so that a table of `rows` is through in `target`; at least
 * `least`, so that a small store is through in no time.
 */
export const sweepRows = (rows: number, elapsed: number, target: number, least: number) =>
  Math.max(least, Math.ceil(rows * elapsed / target))
