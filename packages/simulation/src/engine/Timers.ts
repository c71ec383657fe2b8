import type { Owner } from "./World.ts"

export interface Timer {
  /** Virtual milliseconds since the epoch. */
  readonly at: number
  readonly nth: number
  readonly owner: Owner
  readonly fire: () => void
  cancelled: boolean
}

const isSooner = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.nth < b.nth)

/** Everything that is to happen later: a binary heap by time, then by who was set first. */
export class Timers {
  private readonly heap: Array<Timer> = []

  push(timer: Timer): void {
    const { heap } = this
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isSooner(timer, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = timer
  }

  pop(): Timer | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      if (left === undefined) break
      const isRight = right !== undefined && isSooner(right, left)
      const child = isRight ? right : left
      if (!isSooner(child, last)) break
      heap[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = last
    return first
  }
}
