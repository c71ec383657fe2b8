import { Duration, Effect, Layer, Logger } from "effect"
import { type HttpRouter, HttpServer } from "effect/http"
import { connect, type Socket } from "node:net"
import type { EdgeOptions } from "../src/Edge.ts"
import { Drain, httpServer, type NodeServer, serve, type ServerStop } from "../src/HttpServer.ts"
import type { Patience } from "../src/RawServer.ts"
import { env } from "./asking.ts"

/** Serves routes on a free port of 127.0.0.1 for as long as the scope is open; gives the port. */
export const listening = <A, E>(
  routes: Layer.Layer<A, E, HttpRouter.HttpRouter | NodeServer | ServerStop>,
  options: EdgeOptions & {
    readonly patience?: Patience
    readonly drain?: Duration.Input
    readonly env?: Record<string, string>
  } = {}
) =>
  Effect.gen(function*() {
    const server = httpServer({
      host: "127.0.0.1",
      port: 0,
      variable: "HTTP_PORT",
      ...(options.patience === undefined ? {} : { patience: options.patience })
    })
    const drain = Layer.succeed(Drain, Duration.fromInputUnsafe(options.drain ?? "8 seconds"))
    const context = yield* Layer.build(
      serve(routes, { maxInFlight: 100, ...options }).pipe(
        Layer.provideMerge(server),
        Layer.provide([env(options.env ?? {}), Logger.layer([]), drain])
      )
    )
    const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
    return "port" in address ? address.port : 0
  })

export interface Wire {
  readonly send: (text: string) => Effect.Effect<void>
  /** Everything that came, once `until` holds for it; fails the test when the connection ends before. */
  readonly received: (until: (text: string) => boolean) => Effect.Effect<string>
  /** Everything that came until the other side closed. */
  readonly closed: Effect.Effect<string>
}

/** A connection that says and hears plain text. */
export const dial = (port: number) =>
  Effect.gen(function*() {
    let text = ""
    let ended = false
    const waiting = new Set<() => void>()
    const notify = () => waiting.forEach((wake) => wake())
    const socket = yield* Effect.acquireRelease(
      Effect.callback<Socket>((resume) => {
        const made = connect(port, "127.0.0.1", () => resume(Effect.succeed(made)))
        made.on("data", (chunk) => {
          text += chunk.toString("latin1")
          notify()
        })
        made.on("error", () => {})
        made.on("close", () => {
          ended = true
          notify()
        })
      }),
      (made) => Effect.sync(() => made.destroy())
    )
    const when = (holds: () => boolean) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (!holds()) return
          waiting.delete(look)
          resume(Effect.void)
        }
        waiting.add(look)
        look()
      })
    const wire: Wire = {
      send: (out) => Effect.sync(() => void socket.write(out)),
      received: (until) =>
        Effect.flatMap(when(() => ended || until(text)), () =>
          until(text) ? Effect.succeed(text) : Effect.die(new Error(`the connection ended after: ${text}`))),
      closed: Effect.map(
        when(() =>
          ended
        ),
        () => text
      )
    }
    return wire
  })
