// The load generator: a process of its own, so that its processor time can be told from the server's.
import { type Connection, connection } from "./Connection.ts"
import type { Answers, Plan, Seen, Word } from "./Plan.ts"

const TICK_MILLIS = 2

interface Timed {
  readonly status: string
  readonly millis: number
  readonly retryAfter: boolean
}

const summary = (timed: ReadonlyArray<Timed>): Answers => {
  const sorted = timed.map(({ millis }) => millis).toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return {
    count: timed.length,
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
let stopped = false
let release: () => void = () => {}

const run = (plan: Plan, done: (seen: Seen) => void) => {
  const requests = requestsOf(plan)
  const timed: Array<Timed> = []
  const connections: Array<Connection> = []
  const idle: Array<Connection> = []
  const resting: Array<Connection> = []
  let nth = 0
  let cut = 0
  let unsent = 0
  const began = performance.now()
  const until = began + plan.seconds * 1_000
  const usage = process.cpuUsage()

  const make = () => {
    const made = connection(plan.port, () => {
      cut++
    })
    connections.push(made)
    return made
  }
  const ask = (on: Connection, due: number, then: () => void) => {
    const request = requests[nth++ % requests.length]
    if (request === undefined) throw new Error("a plan names at least one identity")
    on.send(request, (status, retryAfter) => {
      const now = performance.now()
      if (now <= until) timed.push({ status, retryAfter, millis: now - due })
      then()
    })
  }
  const isOver = () => stopped || performance.now() >= until
  const finish = () => {
    const cpu = process.cpuUsage(usage)
    for (const open of connections) open.close()
    const byStatus = Map.groupBy(timed, ({ status }) => status)
    done({
      seconds: (Math.min(performance.now(), until) - began) / 1_000,
      answers: Object.fromEntries([...byStatus].map(([status, some]) => [status, summary(some)])),
      unsent,
      cut,
      cpuMillis: (cpu.user + cpu.system) / 1_000
    })
  }

  if (plan.rate === undefined) {
    const again = (on: Connection) => {
      if (isOver()) return
      if (held) resting.push(on)
      else ask(on, performance.now(), () => again(on))
    }
    release = () => {
      for (const on of resting.splice(0)) again(on)
    }
    for (let i = 0; i < plan.connections; i++) again(make())
  } else {
    const { rate } = plan
    let sent = 0
    const tick = setInterval(() => {
      const now = performance.now()
      if (now >= until) return clearInterval(tick)
      const due = Math.floor((now - began) * rate / 1_000)
      while (sent < due) {
        const at = began + sent * 1_000 / rate
        sent++
        const on = idle.pop() ?? (connections.length < plan.connections ? make() : undefined)
        if (on === undefined) unsent++
        else ask(on, at, () => idle.push(on))
      }
    }, TICK_MILLIS)
  }
  const watch = setInterval(() => {
    if (!isOver()) return
    clearInterval(watch)
    finish()
  }, 20)
}

process.on("message", (word: Word) => {
  if (word === "hold") held = true
  else if (word === "go on") {
    held = false
    release()
  } else if (word === "stop") stopped = true
  else {
    held = false
    stopped = false
    run(word, (seen) => process.send?.(seen))
  }
})
// The parent went: nobody reads the answer.
process.once("disconnect", () => process.exit(0))
