import { Duration, Effect, Option, Schedule } from "effect"
import type { SqlClient } from "effect/sql"
import type { JournalEntry } from "../Journal.ts"
import type { DatabaseName } from "../StoreConfig.ts"
import { auditAccounts, auditDeadLetters, auditLooseEntries, auditOutbox, auditSettings } from "./DatabaseAudit.ts"
import type { Finding } from "./Finding.ts"
import { auditJournalledAccounts, auditJournalledOrders } from "./JournalAudit.ts"
import { type AuditedOrder, auditOrder } from "./OrderAudit.ts"
import { decidedAfter, feedOf, ordersAfter, ordersById, paymentsOf } from "./OrdersReader.ts"

/** Runs a question against one service's database. */
export type In = <A, E>(
  database: DatabaseName,
  question: Effect.Effect<A, E, SqlClient.SqlClient>
) => Effect.Effect<A, E>

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

const START = "00000000-0000-0000-0000-000000000000"

/** Asks every invariant over the three databases: orders first, then payments, then the feed. */
export const audit = Effect.fn("Audit.run")(function*(inside: In, options: AuditOptions) {
  const settleSeconds = Duration.toSeconds(options.settle)
  let feed: AuditResult["feed"] = "none"

  const lookAt = Effect.fnUntraced(function*(orders: ReadonlyArray<AuditedOrder>) {
    const ids = orders.map((order) => order.id)
    const payments = yield* inside("payments", paymentsOf(ids))
    const fed = yield* inside("notifications", feedOf(ids))
    if (Option.isSome(fed)) feed = "compared"
    return orders.flatMap((order) =>
      auditOrder(
        order,
        payments.get(order.id),
        Option.getOrUndefined(Option.map(fed, (rows) => rows.get(order.id) ?? [])),
        Duration.toSeconds(options.feedRetention)
      )
    )
  })

  const everyOrder = Effect.gen(function*() {
    const findings: Array<Finding> = []
    let count = 0
    for (let after = START;;) {
      const orders = yield* inside("orders", ordersAfter(after))
      const last = orders.at(-1)
      if (last === undefined) return { count, findings }
      findings.push(...yield* lookAt(orders))
      count += orders.length
      after = last.id
    }
  })

  // Asked the other way round: a decision about an order that does not exist took money for nothing.
  const everyDecision = Effect.gen(function*() {
    const findings: Array<Finding> = []
    for (let after = START;;) {
      const ids = yield* inside("payments", decidedAfter(after))
      const last = ids.at(-1)
      if (last === undefined) return findings
      const known = new Set((yield* inside("orders", ordersById(ids))).map((order) => order.id))
      findings.push(
        ...ids.filter((id) => !known.has(id)).map((id): Finding => ({
          invariant: "one-decision",
          id,
          detail: "was decided about, but there is no such order",
          inFlight: false
        }))
      )
      after = last
    }
  })

  const surroundings = Effect.gen(function*() {
    const perDatabase = yield* Effect.forEach(["orders", "payments", "notifications"] as const, (name) =>
      inside(
        name,
        Effect.all([auditSettings(name), auditOutbox(name, settleSeconds), auditDeadLetters(name)])
      ))
    const money = yield* inside("payments", Effect.all([auditAccounts, auditLooseEntries]))
    return [...perDatabase.flat(2), ...money.flat()]
  })

  const { count, findings } = yield* everyOrder
  const first = [...findings, ...yield* everyDecision, ...yield* surroundings]
  const journalled = [
    ...yield* inside("orders", auditJournalledOrders(options.journal)),
    ...yield* inside("payments", auditJournalledAccounts(options.journal))
  ]

  // What may only be unfinished is asked about again until it is done or its time is up.
  const suspects = new Set(findings.filter((finding) => finding.inFlight).map((finding) => finding.id))
  const again = Effect.gen(function*() {
    const found: Array<Finding> = []
    const ids = [...suspects]
    for (let n = 0; n < ids.length; n += 1_000) {
      found.push(...yield* lookAt(yield* inside("orders", ordersById(ids.slice(n, n + 1_000)))))
    }
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
    feed,
    breaches: distinct([...sure, ...late, ...around.filter((finding) => !finding.inFlight)]),
    warnings: around.filter((finding) => finding.inFlight)
  } satisfies AuditResult
})

const distinct = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => [
  ...new Map(findings.map((finding) => [`${finding.invariant} ${finding.id} ${finding.detail}`, finding])).values()
]
