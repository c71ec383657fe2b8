/** What was found wrong in a run, in the order of finding. */
export interface Violations {
  readonly found: ReadonlyArray<string>
  readonly report: (text: string) => void
}

const MOST = 5

export const makeViolations = (log: (line: string) => void): Violations => {
  const found: Array<string> = []
  return {
    found,
    report: (text) => {
      if (found.length >= MOST || found.includes(text)) return
      found.push(text)
      log(`VIOLATION ${text}`)
    }
  }
}
