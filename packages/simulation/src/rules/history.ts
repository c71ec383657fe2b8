import type { HistoryEntry, Order } from "@g-store/contracts/Order.ts"
import type { Overlay } from "@g-store/messaging/memory/MemoryTables.ts"
import { successors } from "@g-store/order-service/domain/OrderPolicy.ts"
import { DateTime } from "effect"
import type { DatabaseServer } from "../servers/DatabaseServer.ts"
import type { Names } from "../store/Names.ts"
import type { Violations } from "./Violations.ts"

/** An order's history as far as it goes, by version from 1 on. */
export const historyOf = (database: DatabaseServer, id: string): ReadonlyArray<HistoryEntry> => {
  const table = database.table<HistoryEntry>("order_history")
  const entries: Array<HistoryEntry> = []
  for (;;) {
    const entry = table.get(`${id}/${entries.length + 1}`)
    if (entry === undefined) return entries
    entries.push(entry)
  }
}

/** Orders, at every commit of order-service: versions without a gap, along the state machine, time never backwards. */
export const checkHistory = (database: DatabaseServer, names: Names, violations: Violations) => {
  const seen = new Map<string, number>()
  return (writes: Overlay): void => {
    for (const id of writes.get("orders")?.keys() ?? []) {
      const order = database.table<Order>("orders").get(id)
      const name = names.of(id)
      const entries = historyOf(database, id)
      if (order === undefined || order.version !== entries.length || entries.at(-1)?.status !== order.status) {
        violations.report(`${name} is at version ${order?.version} with a history of ${entries.length}`)
      }
      if (entries.length < (seen.get(id) ?? 0)) violations.report(`${name} forgot a part of its history`)
      seen.set(id, entries.length)
      for (const [nth, entry] of entries.entries()) {
        const before = entries[nth - 1]
        if (before === undefined) {
          if (entry.status !== "PENDING") violations.report(`${name} begins as ${entry.status}`)
          continue
        }
        if (!successors[before.status].includes(entry.status)) {
          violations.report(`${name} went from ${before.status} to ${entry.status}`)
        }
        if (DateTime.isLessThan(entry.occurredAt, before.occurredAt)) violations.report(`${name} went back in time`)
      }
    }
  }
}
