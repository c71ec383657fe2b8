// One of the two servers that are compared, in a process of its own, so that its processor time is its own.
import { Effect, Schema } from "effect"
import { WebSocketServer } from "ws"
import { toUpdate } from "../../src/FeedUpdates.ts"
import { makeUpdateFrames } from "../../src/Frames.ts"
import { makeEdge } from "../edge.ts"
import { event } from "../fixtures.ts"
import { BURST, type FromServer, Kind, type Mode, ToServer } from "./Commands.ts"

interface Server {
  readonly url: string
  readonly orders: (count: number) => Promise<void>
  /** Sends version `version` of order `order`, in this turn, to whom it concerns. */
  readonly send: (order: number, version: number, mode: Mode) => void
}

const edge = Effect.gen(function*() {
  const limits = { connectionsPerUser: 1e6, connections: 1e6, bufferedBytes: 1e9, pingMillis: 1e8 }
  const { happen, push, url } = yield* makeEdge({ limits })
  return {
    url,
    orders: (count) => Effect.runPromise(happen(...Array.from({ length: count }, (_, nth) => event(nth + 1, 1)))),
    send: (order, version) => Effect.runSync(push(event(order, version)))
  } satisfies Server
})

const bare = Effect.callback<Server>((resume) => {
  const frameOf = makeUpdateFrames()
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false }, () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    resume(Effect.succeed({
      url: `ws://127.0.0.1:${port}/`,
      orders: async () => {},
      send: (order, version, mode) => {
        // Encoded once, as ours.
        const frame = frameOf(toUpdate({ ...event(order, version), version }))
        if (mode === "to one each") return [...server.clients][order - 1]?.send(frame, { binary: false })
        for (const client of server.clients) client.send(frame, { binary: false })
      }
    }))
  })
})

const tell = (message: FromServer): void => void process.send?.(message)
const turn = () => new Promise<void>((done) => setImmediate(done))

const sendAll = async (server: Server, mode: Mode, events: number, sockets: number): Promise<void> => {
  for (let version = 2; version < events + 2; version++) {
    if (mode === "to one each") { for (let order = 1; order <= sockets; order++) server.send(order, version, mode) }
    else server.send(1, version, mode)
    if (mode !== "bursts to all" || version % BURST === 0) await turn()
  }
}

const decode = Schema.decodeUnknownSync(ToServer)

const main = Effect.gen(function*() {
  const kind = Schema.decodeUnknownSync(Kind)(process.argv[2])
  const server = kind === "edge" ? yield* edge : yield* bare
  process.on("message", async (raw) => {
    const message = decode(raw)
    if (message.type === "orders") await server.orders(message.count)
    else if (message.type === "send") await sendAll(server, message.mode, message.events, message.sockets)
    else {
      const { system, user } = process.cpuUsage()
      globalThis.gc?.()
      const { heapUsed, rss } = process.memoryUsage()
      return tell({ type: "usage", cpu: system + user, rss, heap: heapUsed })
    }
    tell({ type: "done" })
  })
  process.once("disconnect", () => process.exit())
  tell({ type: "ready", url: server.url })
  return yield* Effect.never
})

void Effect.runPromise(Effect.scoped(main))
