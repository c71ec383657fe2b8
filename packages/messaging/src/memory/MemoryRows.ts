import type { Rows } from "./MemoryDatabase.ts"
import { type MemoryTables, type Overlay, tableOf } from "./MemoryTables.ts"

/**
 * What one statement sees: its own writes over those of its transaction over what is committed. Its writes go to `own`
 * alone, so that a statement that throws leaves nothing behind.
 */
export const memoryRows = (durable: MemoryTables, transaction: Overlay, own: Overlay, now: number): Rows => {
  const pending = (table: string, key: string): { readonly row: object | undefined } | undefined => {
    for (const overlay of [own, transaction]) {
      const rows = overlay.get(table)
      if (rows !== undefined && rows.has(key)) return { row: rows.get(key) }
    }
    return undefined
  }
  const write = (table: string, key: string, row: object | undefined): void => {
    let rows = own.get(table)
    if (rows === undefined) own.set(table, rows = new Map())
    rows.set(key, row)
  }
  function* visible(table: string): Generator<object> {
    const committed = tableOf(durable, table)
    for (const [key, row] of committed) {
      const change = pending(table, key)
      if (change === undefined) yield row
      else if (change.row !== undefined) yield change.row
    }
    const added = new Set([...(transaction.get(table)?.keys() ?? []), ...(own.get(table)?.keys() ?? [])])
    for (const key of added) {
      const row = committed.has(key) ? undefined : pending(table, key)?.row
      if (row !== undefined) yield row
    }
  }
  return {
    now,
    get: <R extends object>(table: string, key: string) => {
      const change = pending(table, key)
      return (change === undefined ? tableOf(durable, table).get(key) : change.row) as R | undefined
    },
    put: write,
    remove: (table, key) => write(table, key, undefined),
    scan: <R extends object>(table: string, where?: (row: R) => boolean, limit = Infinity) => {
      const found: Array<R> = []
      if (limit <= 0) return found
      for (const row of visible(table) as Generator<R>) {
        if (where !== undefined && !where(row)) continue
        found.push(row)
        if (found.length >= limit) break
      }
      return found
    },
    nextSequence: (name) => {
      const next = (durable.sequences.get(name) ?? 0) + 1
      durable.sequences.set(name, next)
      return next
    }
  }
}
