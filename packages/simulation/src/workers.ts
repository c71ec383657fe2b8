import { fork } from "node:child_process"
import { explore, type Findings, type Share } from "./explore.ts"

const script = new URL("main.ts", import.meta.url)

/** Shares the seeds out among processes of their own; one process does without another. */
export const exploreWith = async (
  workers: number,
  share: Omit<Share, "worker" | "of" | "until"> & { millis: number }
) => {
  const { millis, ...seeds } = share
  if (workers <= 1) return [explore({ ...seeds, worker: 0, of: 1, until: performance.now() + millis })]
  return Promise.all(
    Array.from({ length: workers }, (_, worker) =>
      new Promise<Findings>((resolve, reject) => {
        const child = fork(script, ["--worker"], { serialization: "advanced" })
        let findings: Findings | undefined
        child.on("message", (message: Findings) => {
          findings = message
        })
        child.once("error", reject)
        child.once("exit", (code) =>
          findings === undefined ? reject(new Error(`worker ${worker} ended with ${code}`)) : resolve(findings))
        child.send({ ...seeds, worker, of: workers, millis })
      }))
  )
}

/** The other end: takes one share and answers with what it found. */
export const serveAsWorker = (): void => {
  process.once("message", ({ millis, ...share }: Omit<Share, "until"> & { readonly millis: number }) => {
    const findings = explore({ ...share, until: performance.now() + millis })
    if (process.send === undefined) throw new Error("--worker is for the simulation's own use")
    process.send(findings, undefined, {}, () => process.disconnect?.())
  })
}
