import { Clock, Duration, Effect } from "effect"
import { type DatabaseName, databaseNames } from "../StoreConfig.ts"
import { countChecked, setAges, setOpen } from "./AuditMetrics.ts"
import { type Kind, kinds } from "./Checks.ts"
import { auditSurroundings } from "./DatabaseAudit.ts"
import { type ExaminerOptions, makeExaminer, sparing } from "./Examiner.ts"
import { type In, unknownOrders } from "./OrderChecks.ts"
import * as Rows from "./Rows.ts"
import { makeSweep, type Sweep, sweepRows } from "./Sweep.ts"

export interface StandingAuditOptions extends ExaminerOptions {
  /** Rows of a table that a step of the sweep visits at least. */
  readonly sweepLeast: number
}

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
/** Ids of written rows that are read at a time: every page costs a search for all of them. */
const PAGE = 5_000
/** Suspected rows that a look asks about again. */
const AGAIN = 2_000

/**
 * The audit of a running store, by the rules of the audit command.
 *
 * - `look` checks what was written since the last look, and asks about suspicions again. A look that fails changes no
 *   mark: the next one begins where it began.
 * - `sweep` visits the next rows of every table, as many as the time since the last step asks for.
 * - Both give back what became a violation and what was mended. `ages` renews the gauges that grow by themselves.
 */
export const makeStandingAudit = Effect.fnUntraced(function*(inside: In, options: StandingAuditOptions) {
  const startedAt = yield* Clock.currentTimeMillis
  const examiner = yield* makeExaminer(inside, options)
  const marks = new Map<DatabaseName, Rows.Mark>()
  const sweeps: ReadonlyArray<readonly [rows: Rows.Swept, kind: Kind | "decision", sweep: Sweep]> = [
    [Rows.orders, "order", makeSweep(startedAt)],
    [Rows.payments, "decision", makeSweep(startedAt)],
    [Rows.accounts, "account", makeSweep(startedAt)],
    [Rows.ledger, "entry", makeSweep(startedAt)]
  ]
  let lastLook = startedAt
  let lastStep = startedAt

  const told = Effect.andThen(Effect.suspend(() => setOpen(examiner.counts())), examiner.verdict)

  const look = Effect.gen(function*() {
    const begun = yield* Clock.currentTimeMillis
    examiner.beginLook()
    const next = new Map<DatabaseName, Rows.Mark>()
    yield* Effect.forEach(databaseNames, (name) =>
      inside(
        name,
        Effect.gen(function*() {
          next.set(name, yield* Rows.markNow)
          const found = yield* auditSurroundings(name, Duration.toSeconds(options.settle))
          yield* examiner.record("database", new Map([[name, found]]))
        })
      ), { concurrency: "unbounded", discard: true })

    const examine = yield* examiner.pass
    for (const [rows, kind] of written) {
      const mark = marks.get(rows.database)
      const now = next.get(rows.database)?.at ?? 0
      const since = Math.max(mark?.at ?? now, now - LOOK_BACK_SECONDS) - OVERLAP_SECONDS
      for (let after = Rows.START;;) {
        const ids = yield* sparing(
          "written",
          inside(
            rows.database,
            Rows.idsWritten(rows.traces, { since, horizon: mark?.horizon }, after, PAGE)
          )
        )
        yield* examine(kind, "written", ids)
        const last = ids.at(-1)
        if (last === undefined || ids.length < PAGE) break
        after = last
      }
    }
    for (const [name, mark] of next) marks.set(name, mark)
    lastLook = begun

    for (const kind of kinds) yield* examine(kind, "again", examiner.due(kind, AGAIN))
    return yield* told
  })

  const sweep = Effect.gen(function*() {
    const begun = yield* Clock.currentTimeMillis
    const examine = yield* examiner.pass
    for (const [{ database, swept }, kind, round] of sweeps) {
      const about = round.rows() ?? (yield* inside(database, Rows.aboutHowMany(swept)))
      let left = sweepRows(about, begun - lastStep, ROUND_MILLIS, options.sweepLeast)
      while (left > 0) {
        const limit = Math.min(left, options.batch)
        const ids = yield* inside(database, Rows.idsAfter(swept, round.after(), limit))
        if (kind === "decision") {
          // The orders' own round asks all the rest about them.
          yield* examine("order", "sweep", yield* sparing("sweep", unknownOrders(inside, ids)))
          yield* countChecked(kind, "sweep", ids.length)
        } else yield* examine(kind, "sweep", ids)
        round.visit(ids, ids.length < limit, yield* Clock.currentTimeMillis)
        left = ids.length < limit ? 0 : left - limit
      }
    }
    lastStep = begun
    return yield* told
  })

  const ages = Effect.suspend(() =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => setAges(now - lastLook, sweeps.map(([rows, , round]) => [rows.name, round.age(now)]))
    )
  )

  return { look, sweep, ages, counts: Effect.sync(examiner.counts) }
})
