/** Where a connection gets time and chance from, so that a simulation can stand in for the platform. */
export interface Surroundings {
  /** Runs something so many milliseconds from now, unless the function given back is called before. */
  readonly later: (millis: number, run: () => void) => () => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number
}

/** Browser's and Node's own. */
export const platform: Surroundings = {
  later: (millis, run) => {
    const timer = setTimeout(run, millis)
    return () => clearTimeout(timer)
  },
  now: () => Date.now(),
  random: () => Math.random()
}
