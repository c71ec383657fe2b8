/**
 * Ends a test server and removes its folder once the test run is over or was killed: `node testReaper.ts <folder>`,
 * with a pipe from the test run as standard input. Nothing is loaded before it is needed; most runs clean up themselves.
 */
import * as fs from "node:fs/promises"

const [folder] = process.argv.slice(2)
process.stdin.resume().once("end", async () => {
  if (folder === undefined || !(await fs.stat(folder).then(() => true, () => false))) return
  const { Effect } = await import("effect")
  const { discard } = await import("./TestFolder.ts")
  await Effect.runPromise(discard(folder))
})
