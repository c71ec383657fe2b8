import type { Caller } from "@g-store/contracts/Actor.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Callers } from "@g-store/service-kit/Callers.ts"
import { httpServer, NodeServer, serve } from "@g-store/service-kit/HttpServer.ts"
import { TokenInvalid, TokenVerifier } from "@g-store/service-kit/TokenVerifier.ts"
import { ConfigProvider, Context, Effect, Exit, Layer, Logger, Metric, Schema, Scope } from "effect"
import { HttpServer } from "effect/http"
import type { IncomingMessage } from "node:http"
import { connect } from "node:net"
import { WebSocket } from "ws"
import { Feed, type FeedEvent } from "../src/Feed.ts"
import { FeedMemory } from "../src/FeedMemory.ts"
import { toUpdate } from "../src/FeedUpdates.ts"
import { LiveTail } from "../src/LiveTail.ts"
import { OrderSocket, type OrderSocketOptions } from "../src/websocket.ts"
import { ada, bob, customer, staff } from "./fixtures.ts"

export const ORIGIN = "https://shop.example"

const callers: Readonly<Record<string, Caller>> = { ada: customer(ada), bob: customer(bob), staff }

/** Tokens are names, or `name@expiry` in milliseconds since the epoch. */
const Verifier = Layer.succeed(
  TokenVerifier,
  TokenVerifier.of({
    known: () => Effect.undefined,
    verify: (token) => {
      const [name = "", expiry] = token.split("@")
      const caller = Object.hasOwn(callers, name) ? callers[name] : undefined
      return caller === undefined
        ? Effect.fail(new TokenInvalid({ reason: "The token is not one of the test's." }))
        : Effect.succeed({ caller, expiresAt: expiry === undefined ? Number.MAX_SAFE_INTEGER : Number(expiry) })
    }
  })
)

/** The real edge on a free port, over a feed in memory; tokens are names. */
export const makeEdge = (options: OrderSocketOptions & { readonly env?: Record<string, string> } = {}) =>
  Effect.gen(function*() {
    const scope = yield* Effect.acquireRelease(Scope.make(), (own) => Scope.close(own, Exit.void))
    let listeners = 0
    const counted = (stop: () => void) => {
      listeners++
      return () => {
        listeners--
        stop()
      }
    }
    const counting = Effect.map(
      Effect.provide(LiveTail, Layer.fresh(LiveTail.layer)),
      (hub) =>
        LiveTail.of({
          ...hub,
          listenToOrder: (order, listener) => counted(hub.listenToOrder(order, listener)),
          listenToUser: (user, listener) => counted(hub.listenToUser(user, listener)),
          listenToAll: (listener) => counted(hub.listenToAll(listener))
        })
    )
    const server = httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" })
    const env = { CORS_ORIGINS: ORIGIN, STAFF_API_KEY: "staff-key-of-the-test", ...options.env }
    const context = yield* Layer.buildWithScope(
      serve(OrderSocket(options), { maxInFlight: 100 }).pipe(
        Layer.provideMerge(server),
        Layer.provideMerge(Layer.merge(FeedMemory, Layer.effect(LiveTail, counting))),
        Layer.provide(Callers.layer),
        Layer.provide(Verifier),
        Layer.provide([
          MemoryDatabase.layer,
          ConfigProvider.layer(ConfigProvider.fromEnv({ env })),
          Logger.layer([])
        ])
      ),
      scope
    )
    const { address } = Context.get(context, HttpServer.HttpServer)
    const port = "port" in address ? address.port : 0
    const feed = Context.get(context, Feed)
    const tail = Context.get(context, LiveTail)
    const node = Context.get(context, NodeServer)
    const push = (...events: ReadonlyArray<FeedEvent>) =>
      Effect.sync(() =>
        tail.publish(events.map((event) => {
          const { orderId, userId, version } = event
          return { orderId, userId, update: version === undefined ? undefined : toUpdate({ ...event, version }) }
        }))
      )
    return {
      url: `ws://127.0.0.1:${port}/ws/orders/`,
      push,
      happen: (...events: ReadonlyArray<FeedEvent>) => Effect.andThen(feed.append(events), push(...events)),
      connections: Effect.callback<number>((resume) => {
        node.getConnections((_error, count) => resume(Effect.succeed(count)))
      }),
      /** How many subscriptions listen. */
      listeners: () => listeners,
      stop: Scope.close(scope, Exit.void)
    }
  })

const Said = Schema.fromJsonString(Schema.Struct({
  type: Schema.String,
  data: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
}))
const decode = Schema.decodeUnknownSync(Said)

/** A client on a real socket. */
export const open = (
  url: string,
  { headers = {}, origin, protocols = [] }: {
    readonly protocols?: ReadonlyArray<string>
    readonly origin?: string
    readonly headers?: Record<string, string>
  } = {}
) =>
  Effect.gen(function*() {
    const frames: Array<typeof Said.Type> = []
    let waiting: (() => void) | undefined
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new WebSocket(url, [...protocols], {
          headers,
          perMessageDeflate: false,
          ...(origin === undefined ? {} : { origin })
        })
      ),
      (own) => Effect.sync(() => own.terminate())
    )
    let closed: number | undefined
    let refused: number | undefined
    const wake = () => waiting?.()
    socket.on("message", (data) => {
      frames.push(decode(String(data)))
      wake()
    })
    socket.on("close", (code) => {
      closed = code
      wake()
    })
    socket.on("error", () => {})
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      refused = response.statusCode
      response.resume()
      wake()
    })
    socket.on("open", wake)
    const until = (holds: () => boolean) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (!holds()) return
          waiting = undefined
          resume(Effect.void)
        }
        waiting = look
        look()
      })
    return {
      socket,
      opened: Effect.map(
        until(() => refused !== undefined || socket.readyState !== socket.CONNECTING),
        () => refused ?? 101
      ),
      say: (frame: object) => Effect.sync(() => socket.send(JSON.stringify(frame))),
      /** The next frame. */
      heard: Effect.gen(function*() {
        yield* until(() => frames.length > 0 || closed !== undefined)
        return frames.shift() ?? { type: `closed ${closed}` }
      }),
      frames,
      until,
      closed: Effect.map(until(() => closed !== undefined), () => closed)
    }
  })

const Refused = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

/** An upgrade request that is refused, by a client that never closes its side of the connection. */
export const raw = (url: string, headers: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => connect({ host: "127.0.0.1", port: Number(new URL(url).port), allowHalfOpen: true })),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(
    Effect.flatMap((socket) =>
      Effect.callback<string>((resume) => {
        const sent = {
          host: "store",
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
          ...headers
        }
        const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`)
        socket.write(`GET /ws/orders/ HTTP/1.1\r\n${lines.join("")}\r\n`)
        let answer = ""
        socket.on("data", (part) => (answer += String(part)))
        socket.on("end", () => resume(Effect.succeed(answer)))
      })
    ),
    Effect.map((answer) => {
      const [head = "", body = ""] = answer.split("\r\n\r\n")
      const [status = "", ...fields] = head.split("\r\n")
      return {
        status: Number(status.split(" ")[1]),
        headers: Object.fromEntries(fields.map((field) => {
          const [name = "", ...value] = field.split(": ")
          return [name.toLowerCase(), value.join(": ")]
        })),
        body: Schema.decodeSync(Refused)(body)
      }
    })
  )

/** Returns once a metric's counter is at least so high. */
export const counterReaches = (name: string, atLeast: number) =>
  Effect.repeat(
    Effect.delay(Metric.snapshot, "5 millis"),
    {
      until: (all) =>
        all.some((metric) => metric.id === name && metric.type === "Counter" && Number(metric.state.count) >= atLeast)
    }
  )
