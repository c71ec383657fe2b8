import type { Checked, Finding, Invariant } from "./Finding.ts"

/** One thing that is suspected, and since when (milliseconds). */
interface Suspicion {
  readonly finding: Finding
  readonly since: number
  /** When it was last told that this is a violation; undefined while it is none. */
  readonly told: number | undefined
}

/** What a look brought to light. */
export interface Verdict {
  /** New violations, and old ones that nobody was told about for a while. */
  readonly violations: ReadonlyArray<Finding>
  readonly mended: ReadonlyArray<Finding>
}

export interface DocketOptions {
  /** Milliseconds that work in flight may take. */
  readonly settle: number
  /** Milliseconds after which a standing violation is told again. */
  readonly remind: number
  /** Rows that are followed at most; what is found beyond them is left to the sweep. */
  readonly limit: number
}

/** Work in flight moves on: it is the same suspicion only while the very same thing is missing. */
const identity = ({ detail, id, inFlight, invariant }: Finding) =>
  inFlight ? `${invariant} ${id} ${detail}` : `${invariant} ${id}`

/**
 * What is suspected about which row. A row's entry is what the last check of it found: so a suspicion ends with the
 * check that does not find it any more, and one about work in flight counts once a check still finds it after the
 * settling time.
 */
export const makeDocket = (options: DocketOptions) => {
  // In the order of their last check, so that the first ones are due.
  const open = new Map<string, ReadonlyArray<Suspicion>>()
  // Since the last look began: one that is let go is met again while it stands, by the sweep or because it is written.
  let unfollowed = 0

  const record = (kind: string, checked: Checked, now: number): Verdict => {
    const violations: Array<Finding> = []
    const mended: Array<Finding> = []
    for (const [id, findings] of checked) {
      const row = `${kind} ${id}`
      const before = new Map(open.get(row)?.map((suspicion) => [identity(suspicion.finding), suspicion]))
      if (before.size === 0 && findings.length === 0) continue
      open.delete(row)
      const after = findings.map((finding): Suspicion => {
        const known = before.get(identity(finding))
        before.delete(identity(finding))
        const since = known?.since ?? now
        const counts = !finding.inFlight || now - since >= options.settle
        const tell = counts && (known?.told === undefined || now - known.told >= options.remind)
        if (tell) violations.push(finding)
        return { finding, since, told: tell ? now : known?.told }
      })
      for (const { finding, told } of before.values()) if (told !== undefined) mended.push(finding)
      if (after.length > 0) {
        if (open.size < options.limit) open.set(row, after)
        else unfollowed++
      }
    }
    return { violations, mended }
  }

  /** The ids of this kind that were not checked for the longest time. */
  const due = (kind: string, limit: number): ReadonlyArray<string> => {
    const prefix = `${kind} `
    const ids: Array<string> = []
    for (const row of open.keys()) {
      if (ids.length >= limit) break
      if (row.startsWith(prefix)) ids.push(row.slice(prefix.length))
    }
    return ids
  }

  /** What does not count yet, by the id of its row. */
  const suspicions = (kind: string): ReadonlyMap<string, ReadonlyArray<Finding>> => {
    const prefix = `${kind} `
    const found = new Map<string, ReadonlyArray<Finding>>()
    for (const [row, about] of open) {
      if (!row.startsWith(prefix)) continue
      const findings = about.flatMap(({ finding, told }) => told === undefined ? [finding] : [])
      if (findings.length > 0) found.set(row.slice(prefix.length), findings)
    }
    return found
  }

  const counts = () => {
    const violations = new Map<Invariant, number>()
    let suspected = 0
    for (const { finding, told } of [...open.values()].flat()) {
      if (told === undefined) suspected++
      else violations.set(finding.invariant, (violations.get(finding.invariant) ?? 0) + 1)
    }
    return { violations, suspicions: suspected, unfollowed }
  }

  return { record, due, suspicions, beginLook: () => void (unfollowed = 0), counts }
}
