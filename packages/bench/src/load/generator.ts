// The load generator: a process of its own, so that its processor time can be told from the server's.
import { type Connection, connection } from "./Connection.ts"
import type { Answers, Plan, Seen, Word } from "./Plan.ts"

const TICK_MILLIS = 2
/** Answers that come after the end are waited for: they are the slowest ones, and leaving them out would flatter. */
const PATIENCE_MILLIS = 15_000
const ORDER_ID = /"orderId":"([0-9a-f-]{36})"/

interface Timed {
  readonly status: string
  readonly millis: number
  readonly retryAfter: boolean
  readonly inTime: boolean
}

const summary = (timed: ReadonlyArray<Timed>): Answers => {
  const sorted = timed.map(({ millis }) => millis).toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return {
    count: timed.length,
    inTime: timed.filter(({ inTime }) => inTime).length,
    p50: at(0.5),
    p99: at(0.99),
    withRetryAfter: timed.filter(({ retryAfter }) => retryAfter).length
  }
}

const requestsOf = ({ body, identities, path }: Plan): ReadonlyArray<Buffer> =>
  identities.map((identity) =>
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${identity}\r\ncontent-type: application/json\r\n`
        + `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    )
  )

let held = false
let release: () => void = () => {}

const run = async (plan: Plan): Promise<Seen> => {
  const requests = requestsOf(plan)
  const timed: Array<Timed> = []
  const orders: Array<{ readonly id: string; readonly due: number }> = []
  let cut = 0
  let unsent = 0
  let nth = 0
  let under = 0
  const make = () =>
    connection(plan.port, () => {
      cut++
    })
  // Opened before the clock starts: callers of a store that is overloaded are connected already.
  const connections = Array.from({ length: plan.connections }, make)
  for (let i = 0; i < connections.length; i += 100) {
    await Promise.all(connections.slice(i, i + 100).map(({ open }) => open()))
  }
  const usage = process.cpuUsage()
  const began = performance.now()
  const until = began + plan.seconds * 1_000

  const ask = (on: Connection, due: number, then: () => void) => {
    const request = requests[nth++ % requests.length]
    if (request === undefined) throw new Error("a plan names at least one identity")
    under++
    on.send(request, (status, retryAfter, answer) => {
      const now = performance.now()
      under--
      timed.push({ status, retryAfter, millis: now - due, inTime: now <= until })
      const id = plan.remember === true ? ORDER_ID.exec(answer)?.[1] : undefined
      if (id !== undefined) orders.push({ id, due: performance.timeOrigin + due })
      then()
    })
  }

  const resting: Array<Connection> = []
  const again = (on: Connection) => {
    const now = performance.now()
    if (now >= until) return
    if (held) resting.push(on)
    else ask(on, now, () => again(on))
  }
  release = () => {
    for (const on of resting.splice(0)) again(on)
  }

  let offered = plan.rate === undefined
  const open = (rate: number) => {
    const idle = [...connections]
    let sent = 0
    const tick = setInterval(() => {
      const now = Math.min(performance.now(), until)
      for (const due = Math.floor((now - began) * rate / 1_000); sent < due; sent++) {
        // The one that rested longest: every connection takes part.
        const on = idle.shift()
        if (on === undefined) unsent++
        else ask(on, began + sent * 1_000 / rate, () => idle.push(on))
      }
      if (now < until) return
      clearInterval(tick)
      offered = true
    }, TICK_MILLIS)
  }

  if (plan.rate === undefined) { for (const on of connections) again(on) }
  else open(plan.rate)

  await new Promise<void>((over) => {
    const watch = setInterval(() => {
      const now = performance.now()
      if (now < until || !offered || (under > 0 && now < until + PATIENCE_MILLIS)) return
      clearInterval(watch)
      over()
    }, 5)
  })
  const cpu = process.cpuUsage(usage)
  for (const { close } of connections) close()
  const byStatus = Map.groupBy(timed, ({ status }) => status)
  return {
    seconds: plan.seconds,
    answers: Object.fromEntries([...byStatus].map(([status, some]) => [status, summary(some)])),
    orders,
    unsent,
    silent: under,
    cut,
    cpuMillis: (cpu.user + cpu.system) / 1_000
  }
}

process.on("message", (word: Word) => {
  if (word === "hold") held = true
  else if (word === "go on") {
    held = false
    release()
  } else {
    held = false
    void run(word).then((seen) => process.send?.(seen))
  }
})
// The parent went: nobody reads the answer.
process.once("disconnect", () => process.exit(0))
