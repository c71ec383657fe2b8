import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { JournalEntry } from "../Journal.ts"
import type { Finding } from "./Finding.ts"

/** How many entries are asked about together. */
const CHUNK = 2_000

const lost = (id: string, detail: string): Finding => ({ invariant: "journalled-kept", id, detail, inFlight: false })

const chunks = <A>(values: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(values.length / CHUNK) }, (_, n) => values.slice(n * CHUNK, (n + 1) * CHUNK))

type OrderEntry = Extract<JournalEntry, { readonly orderId: string }>
type AccountEntry = Exclude<JournalEntry, OrderEntry>

const isOrderEntry = (entry: JournalEntry): entry is OrderEntry => "orderId" in entry

interface Kept {
  readonly id: string
  readonly user_id: string
  readonly amount: bigint
  readonly statuses: ReadonlyArray<string>
  readonly reason: string | null
}

const checkOrderEntry = (entry: OrderEntry, kept: Kept | undefined): Finding | undefined => {
  if (kept === undefined) return lost(entry.orderId, `${entry._tag} was acknowledged, but there is no such order`)
  switch (entry._tag) {
    case "OrderCreated":
      return kept.user_id === entry.userId && Number(kept.amount) === entry.amount
        ? undefined
        : lost(
          entry.orderId,
          `was acknowledged to ${entry.userId} for ${entry.amount}, is ${kept.user_id}'s for ${kept.amount}`
        )
    case "OrderCancelled":
      return kept.reason === entry.reason
        ? undefined
        : lost(
          entry.orderId,
          `its cancellation with ${entry.reason} was acknowledged, its reason is ${kept.reason ?? "none"}`
        )
    case "StatusChanged":
      return kept.statuses.includes(entry.status)
        ? undefined
        : lost(entry.orderId, `${entry.status} was acknowledged, its history is ${kept.statuses.join(", ")}`)
  }
}

/** What was acknowledged about orders, held against the orders database. */
export const auditJournalledOrders = (journal: ReadonlyArray<JournalEntry>) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    return yield* Effect.forEach(chunks(journal.filter(isOrderEntry)), (entries) =>
      Effect.gen(function*() {
        const ids = [...new Set(entries.map((entry) => entry.orderId))]
        const rows = yield* sql<Kept>`
          SELECT o.id, o.user_id, o.amount, o.cancellation_reason AS reason,
            ARRAY(SELECT h.status FROM order_history h WHERE h.order_id = o.id ORDER BY h.version) AS statuses
          FROM orders o WHERE o.id = ANY(${ids}::uuid[])`
        const kept = new Map(rows.map((row) => [row.id, row]))
        return entries.flatMap((entry) => checkOrderEntry(entry, kept.get(entry.orderId)) ?? [])
      }))
  }).pipe(Effect.map((findings) => findings.flat()))

/** What was acknowledged about accounts: each is there, and no acknowledged top-up of an amount is missing. */
export const auditJournalledAccounts = (journal: ReadonlyArray<JournalEntry>) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const entries = journal.filter((entry): entry is AccountEntry => !isOrderEntry(entry))
    const byAccount = Map.groupBy(entries, (entry) => entry.accountId)
    return yield* Effect.forEach(chunks([...byAccount.keys()]), (ids) =>
      Effect.gen(function*() {
        const rows = yield* sql<{ id: string; user_id: string; amounts: ReadonlyArray<bigint> }>`
          SELECT a.id, a.user_id,
            ARRAY(SELECT l.amount FROM ledger l WHERE l.account_id = a.id AND l.type = 'TOP_UP') AS amounts
          FROM accounts a WHERE a.id = ANY(${ids}::uuid[])`
        const kept = new Map(rows.map((row) => [row.id, row]))
        return ids.flatMap((id): ReadonlyArray<Finding> => {
          const account = kept.get(id)
          if (account === undefined) return [lost(id, "the account was acknowledged, but there is none")]
          const booked = Map.groupBy(account.amounts.map(Number), (amount) => amount)
          const acknowledged = Map.groupBy(
            (byAccount.get(id) ?? []).flatMap((entry) => entry._tag === "ToppedUp" ? [entry.amount] : []),
            (amount) => amount
          )
          return [...acknowledged].flatMap(([amount, times]) => {
            const found = booked.get(amount)?.length ?? 0
            return found >= times.length
              ? []
              : [lost(id, `${times.length} top-ups of ${amount} were acknowledged, ${found} are booked`)]
          })
        })
      }))
  }).pipe(Effect.map((findings) => findings.flat()))
