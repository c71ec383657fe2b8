import { Effect } from "effect"
import { type Assignment, playChunk } from "./bulk.ts"

// A process of `npm run sequences`: plays its chunks and tells its parent of each.
const assignment: Assignment = JSON.parse(process.argv[2] ?? "")
for (const { chunk, runs } of assignment.chunks) {
  process.send?.(await Effect.runPromise(playChunk(assignment, chunk, runs)))
}
process.disconnect?.()
