import { Effect } from "effect"
import * as fs from "node:fs/promises"

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick is. */
const TICKS = 100

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly seconds: number
}

const statOf = async (pid: string): Promise<Stat | undefined> => {
  const text = await fs.readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  // A program's name may have spaces and brackets in it; what follows its last bracket has none.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
  return { pid: Number(pid), parent: Number(fields[1]), seconds: ticks / TICKS }
}

/**
 * Seconds of processor time of a process and all that it started, ended ones included. NaN where there is no /proc, so
 * that no figure is made of it.
 */
export const processorSeconds = (root: number): Effect.Effect<number> =>
  Effect.promise(async () => {
    const names = await fs.readdir("/proc").catch(() => [])
    const stats = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map(statOf))
    const children = Map.groupBy(stats.filter((stat) => stat !== undefined), ({ parent }) => parent)
    const own = stats.find((stat) => stat?.pid === root)
    if (own === undefined) return Number.NaN
    const below = (stat: Stat): number =>
      (children.get(stat.pid) ?? []).reduce((sum, child) => sum + below(child), stat.seconds)
    return below(own)
  })

/** What one operation cost, in microseconds of processor time. */
export interface Cost {
  readonly server: number
  readonly postgres: number
  readonly load: number
}

/** Server and database together: what the work itself cost. */
export const total = ({ postgres, server }: Cost): number => server + postgres
