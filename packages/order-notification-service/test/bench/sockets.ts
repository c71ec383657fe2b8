import { Effect } from "effect"
import type { WebSocket } from "ws"
import type { Kind, Mode } from "./Commands.ts"
import { dial, serverProcess } from "./ServerProcess.ts"

/** Done once every socket has been told `each` times. */
const received = (sockets: ReadonlyArray<WebSocket>, each: number) =>
  Effect.promise(() =>
    Promise.all(sockets.map((socket) =>
      new Promise<void>((done) => {
        let left = each
        socket.on("message", () => {
          if (--left === 0) done()
        })
      })
    ))
  )

/** Microseconds of the server's processor time for a message to one socket, and messages a second. */
const fanOut = (kind: Kind, mode: Mode, sockets: number, events: number) =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* serverProcess(kind)
    yield* server.orders(mode === "to one each" ? sockets : 1)
    const open = yield* dial(server, sockets, (nth) => mode === "to one each" ? nth + 1 : 1)
    const before = yield* server.usage
    const from = performance.now()
    yield* Effect.all([received(open, events), server.send({ mode, events, sockets })], { concurrency: 2 })
    const seconds = (performance.now() - from) / 1_000
    const after = yield* server.usage
    const messages = sockets * events
    return { cpu: (after.cpu - before.cpu) / messages, rate: messages / seconds }
  }))

/** The share of the sockets that are open before the memory of the others is measured. */
const FIRST = 0.2

/**
 * Bytes of the server's memory and heap for one more socket that says nothing; on our edge it follows an order of its own.
 * The first sockets do not count: what code takes up when it runs for the first time is not a socket's.
 */
const idle = (kind: Kind, sockets: number) =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* serverProcess(kind)
    yield* server.orders(sockets)
    // A young generation that has nothing to do shrinks.
    const settled = Effect.andThen(Effect.delay(server.usage, "2 seconds"), Effect.delay(server.usage, "2 seconds"))
    const first = Math.round(sockets * FIRST)
    yield* dial(server, first, (nth) => nth + 1)
    const before = yield* settled
    yield* dial(server, sockets - first, (nth) => first + nth + 1)
    const after = yield* settled
    return { rss: (after.rss - before.rss) / (sockets - first), heap: (after.heap - before.heap) / (sockets - first) }
  }))

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export interface Sizes {
  readonly sockets: number
  readonly events: number
  readonly idle: number
  readonly rounds: number
}

/** Our edge next to bare `ws`, in turns so that both see the same machine; medians over the rounds. */
export const compare = Effect.fnUntraced(function*({ events, idle: quiet, rounds, sockets }: Sizes) {
  const lines: Array<string> = []
  const nths = Array.from({ length: rounds }, (_, nth) => nth)
  const modes: ReadonlyArray<readonly [Mode, number]> = [["to all", 1.3], ["to one each", 1.3], ["bursts to all", 0.3]]
  for (const [mode, limit] of modes) {
    const measured = yield* Effect.forEach(
      nths,
      () => Effect.all({ edge: fanOut("edge", mode, sockets, events), bare: fanOut("bare", mode, sockets, events) })
    )
    const of = (which: Kind, what: "cpu" | "rate") => median(measured.map((round) => round[which][what]))
    const ratio = median(measured.map(({ bare, edge }) => edge.cpu / bare.cpu))
    lines.push(
      `${mode}: ${of("edge", "cpu").toFixed(1)} us of CPU a message, bare ws ${of("bare", "cpu").toFixed(1)}: `
        + `${ratio.toFixed(2)} (goal ${limit}); ${Math.round(of("edge", "rate"))} messages a second, `
        + `bare ws ${Math.round(of("bare", "rate"))}`
    )
  }
  const memory = yield* Effect.forEach(nths, () => Effect.all({ edge: idle("edge", quiet), bare: idle("bare", quiet) }))
  const kB = (which: Kind, what: "rss" | "heap") =>
    (median(memory.map((round) => round[which][what])) / 1_000).toFixed(1)
  const ratioOf = (what: "rss" | "heap") => median(memory.map(({ bare, edge }) => edge[what] / bare[what])).toFixed(2)
  lines.push(
    `idle socket (of ${quiet}): ${kB("edge", "rss")} kB, bare ws ${kB("bare", "rss")} kB: ${
      ratioOf("rss")
    } (goal 1.5); `
      + `of it heap ${kB("edge", "heap")} kB, bare ws ${kB("bare", "heap")} kB: ${ratioOf("heap")}`
  )
  return lines
})
