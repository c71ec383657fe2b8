import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { setTimeout } from "node:timers/promises"

/** The holder touches the file once a second; one that was not touched for this long belongs to nobody any more. */
const stale = 10_000

const age = (file) => {
  try {
    return Date.now() - statSync(file).mtimeMs
  } catch {
    return 0
  }
}

const take = (file, owner) => {
  try {
    writeFileSync(file, owner, { flag: "wx" })
    return true
  } catch (error) {
    if (error.code !== "EEXIST") throw error
    return false
  }
}

/** Runs a task while holding a lock file, waiting for its present holder as long as that lives. */
export const locked = async (file, task) => {
  const owner = `${process.pid}.${performance.timeOrigin}`
  for (;;) {
    if (take(file, owner)) break
    if (age(file) > stale) {
      // Making a folder succeeds for one of those who find the lock stale; the others go on waiting.
      try {
        mkdirSync(`${file}.stale`)
        if (age(file) > stale) rmSync(file, { force: true })
        rmSync(`${file}.stale`, { recursive: true, force: true })
      } catch (error) {
        if (error.code !== "EEXIST") throw error
        if (age(`${file}.stale`) > stale) rmSync(`${file}.stale`, { recursive: true, force: true })
      }
    }
    await setTimeout(200)
  }
  const beat = setInterval(() => {
    const now = new Date()
    utimesSync(file, now, now)
  }, 1_000)
  const release = () => {
    clearInterval(beat)
    if (readFileSync(file, "utf8") === owner) rmSync(file)
  }
  process.on("exit", release)
  try {
    return await task()
  } finally {
    process.off("exit", release)
    release()
  }
}
