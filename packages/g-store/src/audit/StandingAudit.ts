import { Clock, Duration, Effect } from "effect"
import type { SqlError } from "effect/sql"
import { type DatabaseName, databaseNames } from "../StoreConfig.ts"
import { countChecked, setAges, setOpen, type Way, ways } from "./AuditMetrics.ts"
import { auditSurroundings } from "./DatabaseAudit.ts"
import { makeDocket, type Verdict } from "./Docket.ts"
import type { Checked, Finding } from "./Finding.ts"
import { auditAccounts, auditEntries } from "./MoneyAudit.ts"
import { checkOrders, type In, unknownOrders } from "./OrderChecks.ts"
import { hasFeed } from "./OrdersReader.ts"
import * as Rows from "./Rows.ts"
import { makeSweep, type Sweep, sweepRows } from "./Sweep.ts"

export interface StandingAuditOptions {
  readonly feedRetention: Duration.Duration
  /** How long work in flight may take before it counts. */
  readonly settle: Duration.Duration
  /** Rows per statement. */
  readonly batch: number
  /** Rows of a table that a look sweeps at least. */
  readonly sweepLeast: number
}

/** What is asked about, by the name under which it is followed. */
type Kind = "order" | "account" | "entry"
const kinds: ReadonlyArray<Kind> = ["order", "account", "entry"]

/** Which rows tell that something was written, and what is then asked. Every rule reads all that it needs around them. */
const written: ReadonlyArray<readonly [rows: Rows.Rows, kind: Kind]> = [
  [Rows.orders, "order"],
  [Rows.payments, "order"],
  [Rows.feed, "order"],
  [Rows.accounts, "account"],
  [Rows.ledger, "entry"]
]

/** Clocks of replicas may differ, and a transaction commits after its rows got their time, by this much together. */
const OVERLAP_SECONDS = 60
/** Rows written longer ago while nobody looked are left to the sweep, which comes to all of them. */
const LOOK_BACK_SECONDS = 600
/** A round is to be over well within the hour that is promised. */
const ROUND_MILLIS = 45 * 60_000
/** Suspected rows that are followed, and how many of them a look asks about again. */
const FOLLOWED = 10_000
const AGAIN = 2_000
/**
 * The share of its one connection's time that the audit takes at most: half while it catches up with what was written,
 * which has 10 seconds, a fifth for all that has an hour.
 */
const PROMPT_SHARE = 0.5
const PATIENT_SHARE = 0.2
const REMIND_MILLIS = 10 * 60_000

/**
 * The audit of a running store. `look` checks what was written since the last look, asks about suspicions again, and
 * sweeps the next rows of every table; it gives back what became a violation and what was mended. `ages` renews the
 * gauges that grow by themselves. A look that fails changes no mark: the next one begins where the last began.
 */
export const makeStandingAudit = Effect.fnUntraced(function*(inside: In, options: StandingAuditOptions) {
  const startedAt = yield* Clock.currentTimeMillis
  const docket = makeDocket({ settle: Duration.toMillis(options.settle), remind: REMIND_MILLIS, limit: FOLLOWED })
  const marks = new Map<DatabaseName, Rows.Mark>()
  const sweeps: ReadonlyArray<readonly [rows: Rows.Rows, kind: Kind | "decision", sweep: Sweep]> = [
    [Rows.orders, "order", makeSweep(startedAt)],
    [Rows.payments, "decision", makeSweep(startedAt)],
    [Rows.accounts, "account", makeSweep(startedAt)],
    [Rows.ledger, "entry", makeSweep(startedAt)]
  ]
  let lastLook = startedAt
  // There from the start, so that a rate can be taken of the first.
  for (const kind of [...kinds, "decision"]) for (const way of ways) yield* countChecked(kind, way, 0)

  /** Rests after each piece of work, so that the store has the rest of the time. */
  const sparing = (share: number) =>
    Effect.fnUntraced(function*<A, E>(work: Effect.Effect<A, E>) {
      const begun = yield* Clock.currentTimeMillis
      const result = yield* work
      const took = (yield* Clock.currentTimeMillis) - begun
      if (took > 0) yield* Effect.sleep(Duration.millis(took * (1 / share - 1)))
      return result
    })
  const promptly = sparing(PROMPT_SHARE)
  const patiently = sparing(PATIENT_SHARE)

  const look = Effect.gen(function*() {
    const begun = yield* Clock.currentTimeMillis
    const violations: Array<Finding> = []
    const mended: Array<Finding> = []
    const seen = new Map<Kind, Set<string>>(kinds.map((kind) => [kind, new Set()]))
    const record = (kind: string, checked: Checked, now: number) => {
      const verdict = docket.record(kind, checked, now)
      violations.push(...verdict.violations)
      mended.push(...verdict.mended)
    }

    const next = new Map<DatabaseName, Rows.Mark>()
    yield* Effect.forEach(databaseNames, (name) =>
      inside(
        name,
        Effect.gen(function*() {
          next.set(name, yield* Rows.markNow)
          const found = yield* auditSurroundings(name, Duration.toSeconds(options.settle))
          record("database", new Map([[name, found]]), yield* Clock.currentTimeMillis)
        })
      ), { concurrency: "unbounded", discard: true })

    const feed = { compared: yield* inside("notifications", hasFeed), retention: options.feedRetention }
    const check = (kind: Kind, ids: ReadonlyArray<string>): Effect.Effect<Checked, SqlError.SqlError> => {
      switch (kind) {
        case "order":
          return checkOrders(inside, ids, feed)
        case "account":
          return inside("payments", auditAccounts(ids))
        case "entry":
          return inside("payments", auditEntries(ids))
      }
    }
    const examine = Effect.fnUntraced(function*(kind: Kind, way: Way, ids: ReadonlyArray<string>) {
      const fresh = ids.filter((id) => seen.get(kind)?.has(id) !== true)
      for (let n = 0; n < fresh.length; n += options.batch) {
        const some = fresh.slice(n, n + options.batch)
        const checked = yield* (way === "written" ? promptly : patiently)(check(kind, some))
        record(kind, checked, yield* Clock.currentTimeMillis)
        for (const id of some) seen.get(kind)?.add(id)
        yield* countChecked(kind, way, some.length)
      }
    })

    for (const [rows, kind] of written) {
      const mark = marks.get(rows.database)
      const now = next.get(rows.database)?.at ?? 0
      const since = Math.max(mark?.at ?? now, now - LOOK_BACK_SECONDS) - OVERLAP_SECONDS
      for (let after = Rows.START;;) {
        const ids = yield* promptly(inside(
          rows.database,
          Rows.idsWritten(rows.traces, { since, horizon: mark?.horizon }, after, options.batch)
        ))
        yield* examine(kind, "written", ids)
        const last = ids.at(-1)
        if (last === undefined || ids.length < options.batch) break
        after = last
      }
    }
    for (const [name, mark] of next) marks.set(name, mark)

    for (const kind of kinds) yield* examine(kind, "again", docket.due(kind, AGAIN))

    for (const [rows, kind, sweep] of sweeps) {
      if (rows.swept === undefined) continue
      const about = sweep.rows() ?? (yield* inside(rows.database, Rows.aboutHowMany(rows.swept)))
      let left = sweepRows(about, begun - lastLook, ROUND_MILLIS, options.sweepLeast)
      while (left > 0) {
        const limit = Math.min(left, options.batch)
        const ids = yield* inside(rows.database, Rows.idsAfter(rows.swept, sweep.after(), limit))
        if (kind === "decision") {
          // The orders' own round asks all the rest about them.
          yield* examine("order", "sweep", yield* patiently(unknownOrders(inside, ids)))
          yield* countChecked(kind, "sweep", ids.length)
        } else yield* examine(kind, "sweep", ids)
        sweep.visit(ids, ids.length < limit, yield* Clock.currentTimeMillis)
        left = ids.length < limit ? 0 : left - limit
      }
    }

    lastLook = begun
    yield* setOpen(docket.counts())
    return { violations, mended } satisfies Verdict
  })

  const ages = Effect.suspend(() =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => setAges(now - lastLook, sweeps.map(([rows, , sweep]) => [rows.name, sweep.age(now)]))
    )
  )

  return { look, ages, counts: Effect.sync(docket.counts) }
})
