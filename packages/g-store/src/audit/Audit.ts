import { Duration, Effect, Schedule } from "effect"
import type { JournalEntry } from "../Journal.ts"
import { auditSurroundings } from "./DatabaseAudit.ts"
import type { Checked, Finding } from "./Finding.ts"
import { auditJournalledAccounts, auditJournalledOrders } from "./JournalAudit.ts"
import { auditAccounts, auditEntries } from "./MoneyAudit.ts"
import { checkOrders, type In, unknownOrders } from "./OrderChecks.ts"
import { hasFeed } from "./OrdersReader.ts"
import { accounts, idsAfter, ledger, orders, payments, type Rows, START } from "./Rows.ts"

export interface AuditOptions {
  readonly journal: ReadonlyArray<JournalEntry>
  /** How long work in flight may take before it counts as a breach. */
  readonly settle: Duration.Duration
  readonly feedRetention: Duration.Duration
}

export interface AuditResult {
  readonly orders: number
  readonly journalled: number
  readonly feed: "compared" | "none"
  readonly breaches: ReadonlyArray<Finding>
  /** Young work that was still in flight at the end. */
  readonly warnings: ReadonlyArray<Finding>
}

/** How many rows are looked at together. */
const CHUNK = 2_000

/** Asks every invariant over the three databases: orders first, then payments, then the feed. */
export const audit = Effect.fn("Audit.run")(function*(inside: In, options: AuditOptions) {
  const feed = { compared: yield* inside("notifications", hasFeed), retention: options.feedRetention }
  const lookAt = (ids: ReadonlyArray<string>) => checkOrders(inside, ids, feed)

  const every = Effect.fnUntraced(function*<E>(
    { database, swept }: Rows,
    check: (ids: ReadonlyArray<string>) => Effect.Effect<Checked, E>
  ) {
    const findings: Array<Finding> = []
    let count = 0
    if (swept === undefined) return { count, findings }
    for (let after = START;;) {
      const ids = yield* inside(database, idsAfter(swept, after, CHUNK))
      const last = ids.at(-1)
      if (last === undefined) return { count, findings }
      findings.push(...flat(yield* check(ids)))
      count += ids.length
      after = last
    }
  })

  const surroundings = Effect.map(
    Effect.forEach(
      ["orders", "payments", "notifications"] as const,
      (name) => inside(name, auditSurroundings(name, Duration.toSeconds(options.settle)))
    ),
    (found) => found.flat()
  )

  const { count, findings } = yield* every(orders, lookAt)
  const first = [
    ...findings,
    ...(yield* every(payments, (ids) => Effect.flatMap(unknownOrders(inside, ids), lookAt))).findings,
    ...(yield* every(accounts, (ids) => inside("payments", auditAccounts(ids)))).findings,
    ...(yield* every(ledger, (ids) => inside("payments", auditEntries(ids)))).findings,
    ...yield* surroundings
  ]
  const journalled = [
    ...yield* inside("orders", auditJournalledOrders(options.journal)),
    ...yield* inside("payments", auditJournalledAccounts(options.journal))
  ]

  // What may only be unfinished is asked about again until it is done or its time is up.
  const suspects = new Set(findings.filter((finding) => finding.inFlight).map((finding) => finding.id))
  const again = Effect.gen(function*() {
    const found: Array<Finding> = []
    const ids = [...suspects]
    for (let n = 0; n < ids.length; n += CHUNK) found.push(...flat(yield* lookAt(ids.slice(n, n + CHUNK))))
    suspects.clear()
    for (const finding of found) if (finding.inFlight) suspects.add(finding.id)
    return found
  })
  const settledOrders = suspects.size === 0
    ? []
    : yield* again.pipe(
      Effect.repeat({
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: options.settle })),
        while: (found) => found.some((finding) => finding.inFlight)
      })
    )
  const around = first.some((finding) => finding.inFlight && finding.invariant === "outbox-empty")
    ? yield* surroundings
    : []

  const sure = [...first.filter((finding) => !finding.inFlight), ...journalled]
  // A suspect order that outlasted the settling time is a breach; a young outbox row is work in flight.
  const late = settledOrders.map((finding) => ({ ...finding, inFlight: false }))
  return {
    orders: count,
    journalled: options.journal.length,
    feed: feed.compared ? "compared" : "none",
    breaches: distinct([...sure, ...late, ...around.filter((finding) => !finding.inFlight)]),
    warnings: around.filter((finding) => finding.inFlight)
  } satisfies AuditResult
})

const flat = (checked: Checked): ReadonlyArray<Finding> => [...checked.values()].flat()

const distinct = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => [
  ...new Map(findings.map((finding) => [`${finding.invariant} ${finding.id} ${finding.detail}`, finding])).values()
]
