import { Effect, Schema } from "effect"
import * as fs from "node:fs/promises"
import { cpus } from "node:os"
import { limitFile } from "./Limits.ts"

/** What the limits cost on machines that were measured quiet: microseconds of processor time, server and database. */
const Recorded = Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Finite))

const file = limitFile("recorded.json")
const decode = Schema.decodeEffect(Schema.fromJsonString(Recorded))

/** The kind of machine that a cost belongs to. */
export const machine = (): string =>
  `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, Node ${process.versions.node.split(".")[0]}`

const read = Effect.flatMap(Effect.promise(() => fs.readFile(file, "utf8")), decode)

/** Below this share of its recorded speed the limit itself was held up, and ratios to it say nothing. */
const LEAST = 0.8

export const recordedCost = (limit: string) => Effect.map(read, (all) => all[machine()]?.[limit])

/** Why a run is void, if it is: the limit cost so much more than on the quiet machine that beating it means nothing. */
export const voidReason = (recorded: number | undefined, cost: number): string | undefined =>
  recorded === undefined || recorded / cost >= LEAST
    ? undefined
    : `the limit ran at ${(recorded / cost).toFixed(2)}x of its recorded cost`

/** Keeps a cost, on a machine that does nothing else. */
export const record = Effect.fnUntraced(function*(limit: string, cost: number) {
  const all = yield* read
  const kind = machine()
  const changed = { ...all, [kind]: { ...all[kind], [limit]: Math.round(cost) } }
  yield* Effect.promise(() => fs.writeFile(file, `${JSON.stringify(changed, undefined, 2)}\n`))
})
