// Loaded into the program that supervise.mjs starts: when the supervisor is killed outright, the program goes with it,
// as if they were one process. Threads and forks inherit the flag that loads this file; they look after themselves.
import { isMainThread } from "node:worker_threads"

const parent = Number(new URL(import.meta.url).searchParams.get("parent"))
if (isMainThread && process.ppid === parent) {
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL")
  }, 100).unref()
}
