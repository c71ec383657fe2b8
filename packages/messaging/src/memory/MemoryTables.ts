/** One table: rows by key, in insertion order. */
export type MemoryTable = Map<string, object>

/** The durable part of a memory database: what a restart of its clients finds again. Written by commits only. */
export interface MemoryTables {
  readonly tables: Map<string, MemoryTable>
  readonly sequences: Map<string, number>
}

export const memoryTables = (): MemoryTables => ({ tables: new Map(), sequences: new Map() })

/** The table of that name, made when it is first asked for. */
export const tableOf = (durable: MemoryTables, name: string): MemoryTable => {
  let table = durable.tables.get(name)
  if (table === undefined) durable.tables.set(name, table = new Map())
  return table
}

/** Writes not yet applied: table, key, and the new row or undefined for a removed one. */
export type Overlay = Map<string, Map<string, object | undefined>>

/** Puts the writes of `from` over those of `onto`. */
export const merge = (from: Overlay, onto: Overlay): void => {
  for (const [name, rows] of from) {
    const target = onto.get(name)
    if (target === undefined) onto.set(name, rows)
    else for (const [key, row] of rows) target.set(key, row)
  }
}

/** Makes the writes durable, in one synchronous step. A rewritten row keeps its place. */
export const apply = (writes: Overlay, durable: MemoryTables): void => {
  for (const [name, rows] of writes) {
    const table = tableOf(durable, name)
    for (const [key, row] of rows) {
      if (row === undefined) table.delete(key)
      else table.set(key, row)
    }
  }
}
