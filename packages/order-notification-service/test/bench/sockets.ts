import { Effect } from "effect"
import { WebSocket, WebSocketServer } from "ws"
import { makeEdge } from "../edge.ts"
import { event } from "../fixtures.ts"

const SOCKETS = 200
const EVENTS = 500

/** Opens sockets, says `hello` on each, and gives them once every one has been answered. */
const dial = (url: string, hello: ReadonlyArray<object>, answers: number) =>
  Effect.forEach(
    Array.from({ length: SOCKETS }),
    () =>
      Effect.callback<WebSocket>((resume) => {
        const socket = new WebSocket(url, { perMessageDeflate: false })
        let left = answers
        const done = () => resume(Effect.succeed(socket))
        socket.on("message", () => {
          if (--left === 0) done()
        })
        socket.on("open", () => {
          for (const frame of hello) socket.send(JSON.stringify(frame))
          if (answers === 0) done()
        })
      }),
    { concurrency: 20 }
  )

/** Frames a second, from the first send until every socket has `each` frames. */
const rate = (sockets: ReadonlyArray<WebSocket>, each: number, send: () => Promise<void>) =>
  Effect.promise(async () => {
    const from = performance.now()
    const all = sockets.map((socket) =>
      new Promise<void>((done) => {
        let left = each
        socket.on("message", () => {
          if (--left === 0) done()
        })
      })
    )
    await send()
    await Promise.all(all)
    for (const socket of sockets) socket.terminate()
    return Math.round(sockets.length * each / (performance.now() - from) * 1_000)
  })

const turn = () => new Promise<void>((done) => setImmediate(done))

/** Every event goes to every socket, one event a turn. */
const broadcast = Effect.gen(function*() {
  const { push, url } = yield* makeEdge({ limits: { connectionsPerUser: SOCKETS, bufferedBytes: 1e9 } })
  const hello = [{ type: "authenticate", token: "ada" }, { type: "subscribe", scope: "mine" }]
  const sockets = yield* dial(url, hello, 2)
  return yield* rate(sockets, EVENTS, async () => {
    for (let version = 1; version <= EVENTS; version++) {
      await Effect.runPromise(push(event(1, version)))
      await turn()
    }
  })
})

/** The same frames from a loop over bare `ws` sockets. */
const bare = Effect.gen(function*() {
  const server = yield* Effect.acquireRelease(
    Effect.callback<WebSocketServer>((resume) => {
      const made: WebSocketServer = new WebSocketServer(
        { host: "127.0.0.1", port: 0, perMessageDeflate: false },
        () => resume(Effect.succeed(made))
      )
    }),
    (own) => Effect.sync(() => own.close())
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const sockets = yield* dial(`ws://127.0.0.1:${port}/`, [], 0)
  return yield* rate(sockets, EVENTS, async () => {
    for (let version = 1; version <= EVENTS; version++) {
      const frame = JSON.stringify({ type: "order.status.changed", data: event(1, version) })
      for (const client of server.clients) client.send(frame)
      await turn()
    }
  })
})

/** Frames a second over our edge and over a bare loop, in turns so that both see the same machine. */
export const frameRates = Effect.scoped(Effect.gen(function*() {
  const rounds = yield* Effect.forEach(
    [1, 2, 3],
    () => Effect.all({ edge: Effect.scoped(broadcast), bare: Effect.scoped(bare) })
  )
  return rounds
}))
