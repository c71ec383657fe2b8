import { spawn } from "node:child_process"
import { constants } from "node:os"

/** How long a second signal of the same kind counts as an echo: npm passes on what the terminal has already sent to all. */
const echo = 1_000

const preload = new URL("preload.mjs", import.meta.url).href

/**
 * npm that is killed outright passes nothing on; what it started must not live on without it, so its end counts as a
 * request to stop. Not so outside npm: whoever puts us in the background of a shell may leave that shell.
 */
export const watchParent = () => {
  if (process.env.npm_lifecycle_event === undefined) return () => {}
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, "SIGTERM")
  }, 250)
  watch.unref()
  return () => clearInterval(watch)
}

/**
 * Runs a program in place of this process: same standard streams, same environment, its exit code is ours.
 *
 * The child gets a session of its own, so that it hears signals from here alone and each one once: Ctrl-C reaches every
 * process of the terminal's group, and npm then passes its copy on as well. The price is that nobody else would end the
 * child with us; preload.mjs, loaded into it, sees to that.
 */
export const supervise = (node, args, cwd, unwatch) => {
  const child = spawn(node, ["--import", `${preload}?parent=${process.pid}`, ...args], {
    cwd,
    stdio: "inherit",
    detached: true
  })
  const last = new Map()
  const pass = (signal) => {
    const now = performance.now()
    if (now - (last.get(signal) ?? -Infinity) > echo) child.kill(signal)
    last.set(signal, now)
    unwatch()
  }
  process.on("SIGINT", pass)
  process.on("SIGTERM", pass)
  // A closed terminal is a request to stop. Under nohup, which takes stdout away from the terminal, it is none.
  if (process.stdout.isTTY) process.on("SIGHUP", () => pass("SIGTERM"))
  process.on("SIGTSTP", () => {
    child.kill("SIGSTOP")
    process.kill(process.pid, "SIGSTOP")
  })
  process.on("SIGCONT", () => child.kill("SIGCONT"))

  child.on("error", (error) => {
    process.stderr.write(`g-store: ${node} could not be started: ${error.message}\n`)
    process.exit(1)
  })
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
}
