// Loaded into the program that supervise.mjs starts, before anything else of it. Threads and forks of the program
// inherit the flag that loads this file; they look after themselves.
import { enableCompileCache } from "node:module"
import path from "node:path"
import { isMainThread } from "node:worker_threads"
import { cache } from "./workspace.mjs"

const parent = Number(new URL(import.meta.url).searchParams.get("parent"))
if (isMainThread && process.ppid === parent) {
  // When the supervisor is killed outright, the program goes with it, as if they were one process.
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL")
  }, 100).unref()
  // A third of the time to load the store goes into compiling it: 0.35 s of 1 s.
  enableCompileCache(path.join(cache, "compiled"))
}
