/** What came of a run behind closed doors. */
export interface Guarded<A> {
  readonly value: A
  /** Names of the doors that somebody tried. */
  readonly trips: ReadonlySet<string>
}

/**
 * While `run` runs, nothing may look at the world outside: the doors throw, and are put back afterwards. Each try is
 * recorded as well, because a supervisor or a detached fiber may swallow the throw.
 */
export const withTripwires = <A>(run: () => A): Guarded<A> => {
  const restore: Array<() => void> = []
  const trips = new Set<string>()
  const refuse = (name: string) => {
    trips.add(name)
    return new Error(`${name} is outside the simulated world`)
  }
  const close = (owner: object, key: string, name: string) => {
    const own = Object.getOwnPropertyDescriptor(owner, key)
    Object.defineProperty(owner, key, {
      configurable: true,
      writable: true,
      value: () => {
        throw refuse(name)
      }
    })
    restore.push(() => {
      if (own === undefined) Reflect.deleteProperty(owner, key)
      else Object.defineProperty(owner, key, own)
    })
  }
  const RealDate = Date
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: [] | [value: number]) => {
      if (args.length === 0) throw refuse("new Date()")
      return new target(args[0])
    }
  })
  restore.push(() => {
    globalThis.Date = RealDate
  })
  close(RealDate, "now", "Date.now")
  close(Math, "random", "Math.random")
  close(performance, "now", "performance.now")
  close(process, "hrtime", "process.hrtime")
  close(crypto, "getRandomValues", "crypto.getRandomValues")
  close(crypto, "randomUUID", "crypto.randomUUID")
  for (const key of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"]) {
    close(globalThis, key, key)
  }
  // Errors are results in there, and nobody reads where they were made: collecting that for each of them is dear.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  restore.push(() => {
    Error.stackTraceLimit = stackTraceLimit
  })
  try {
    return { value: run(), trips }
  } finally {
    for (const back of restore.toReversed()) back()
  }
}
