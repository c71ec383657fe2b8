import { Effect, Queue, Schema } from "effect"
import { fork } from "node:child_process"
import * as path from "node:path"
import { WebSocket } from "ws"
import { orderId } from "../fixtures.ts"
import { FromServer, type Kind, type ToServer } from "./Commands.ts"

const decode = Schema.decodeUnknownSync(FromServer)
type Of<T extends FromServer["type"]> = Extract<FromServer, { readonly type: T }>

/** A server in a process of its own until the scope ends. */
export const serverProcess = Effect.fnUntraced(function*(kind: Kind) {
  const answers = yield* Queue.unbounded<FromServer>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(path.join(import.meta.dirname, "server.ts"), [kind], { execArgv: ["--expose-gc"] })),
    (own) => Effect.sync(() => own.kill("SIGKILL"))
  )
  child.on("message", (raw) => void Queue.offerUnsafe(answers, decode(raw)))
  child.on("exit", (code) => void Queue.shutdown(answers).pipe(Effect.runFork, () => code))
  const next = Effect.fnUntraced(function*<T extends FromServer["type"]>(type: T) {
    const is = (answer: FromServer): answer is Of<T> => answer.type === type
    const answer = yield* Queue.take(answers)
    return is(answer) ? answer : yield* Effect.die(new Error(`the server said ${answer.type}, not ${type}`))
  })
  const tell = (message: ToServer) => Effect.sync(() => void child.send(message))
  const { url } = yield* next("ready")
  return {
    kind,
    url,
    usage: Effect.andThen(tell({ type: "usage" }), next("usage")),
    orders: (count: number) => Effect.andThen(tell({ type: "orders", count }), next("done")),
    send: (message: Omit<Extract<ToServer, { readonly type: "send" }>, "type">) =>
      Effect.andThen(tell({ type: "send", ...message }), next("done"))
  }
})

export type ServerProcess = Effect.Success<ReturnType<typeof serverProcess>>

/** Opens sockets, on our edge each with a subscription to the order that `orderOf` says, until the scope ends. */
export const dial = (server: ServerProcess, count: number, orderOf: (nth: number) => number) =>
  Effect.forEach(Array.from({ length: count }), (_, nth) =>
    Effect.acquireRelease(
      Effect.callback<WebSocket>((resume) => {
        const protocols = server.kind === "edge" ? ["g-store.v1", "bearer.ada"] : []
        const socket = new WebSocket(server.url, protocols, { perMessageDeflate: false })
        const done = () => {
          socket.removeAllListeners("message")
          resume(Effect.succeed(socket))
        }
        socket.on("error", (error) => resume(Effect.die(error)))
        if (server.kind === "bare") socket.on("open", done)
        // Authenticated, and then subscribed.
        let left = 2
        socket.on("message", () => {
          if (--left === 1) socket.send(JSON.stringify({ type: "subscribe", orderId: orderId(orderOf(nth)) }))
          else if (left === 0) done()
        })
      }),
      (socket) => Effect.sync(() => socket.terminate())
    ), { concurrency: 50 })
