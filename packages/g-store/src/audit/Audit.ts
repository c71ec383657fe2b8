import { Duration, Effect } from "effect"
import type { JournalEntry } from "../Journal.ts"
import { databaseNames } from "../StoreConfig.ts"
import { checking } from "./Checks.ts"
import { auditSurroundings } from "./DatabaseAudit.ts"
import type { Checked, Finding } from "./Finding.ts"
import { auditJournalledAccounts, auditJournalledOrders } from "./JournalAudit.ts"
import { type In, unknownOrders } from "./OrderChecks.ts"
import { hasFeed } from "./OrdersReader.ts"
import { accounts, idsAfter, ledger, orders, payments, START, type Swept } from "./Rows.ts"
import { makeSettling } from "./Settling.ts"

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
  const compared = yield* inside("notifications", hasFeed)
  const check = checking(inside, { compared, retention: options.feedRetention })
  const { breaches, follow, record, suspicions } = makeSettling(options.settle)

  const count = yield* throughout(inside, orders, (ids) => record("order", check("order", ids)))
  yield* throughout(
    inside,
    payments,
    (ids) => Effect.flatMap(unknownOrders(inside, ids), (unknown) => record("order", check("order", unknown)))
  )
  yield* throughout(inside, accounts, (ids) => record("account", check("account", ids)))
  yield* throughout(inside, ledger, (ids) => record("entry", check("entry", ids)))
  yield* record("database", surroundings(inside, databaseNames, options.settle))
  const lost = [
    ...yield* inside("orders", auditJournalledOrders(options.journal)),
    ...yield* inside("payments", auditJournalledAccounts(options.journal))
  ]

  yield* follow("order", (ids) => check("order", ids))
  yield* follow("database", (names) => surroundings(inside, names, options.settle))

  return {
    orders: count,
    journalled: options.journal.length,
    feed: compared ? "compared" : "none",
    breaches: distinct([...breaches(), ...lost]),
    warnings: [...suspicions("database").values()].flat()
  } satisfies AuditResult
})

/** Goes through a whole table, and gives back how many rows it has. */
const throughout = Effect.fnUntraced(function*<E>(
  inside: In,
  { database, swept }: Swept,
  look: (ids: ReadonlyArray<string>) => Effect.Effect<void, E>
) {
  let count = 0
  for (let after = START;;) {
    const ids = yield* inside(database, idsAfter(swept, after, CHUNK))
    const last = ids.at(-1)
    if (last === undefined) return count
    yield* look(ids)
    count += ids.length
    after = last
  }
})

/** What is wrong with these databases, by name. */
const surroundings = (inside: In, names: ReadonlyArray<string>, settle: Duration.Duration) =>
  Effect.forEach(databaseNames.filter((name) => names.includes(name)), (name) =>
    Effect.map(
      inside(name, auditSurroundings(name, Duration.toSeconds(settle))),
      (findings) => [name, findings] as const
    )).pipe(Effect.map((found): Checked => new Map(found)))

const distinct = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => [
  ...new Map(findings.map((finding) => [`${finding.invariant} ${finding.id} ${finding.detail}`, finding])).values()
]
