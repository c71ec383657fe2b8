import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Duration, Effect, Layer, Option, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { Edge, type EdgeOptions } from "./Edge.ts"
import { Health } from "./Health.ts"
import { shutdownDelay } from "./ServiceConfig.ts"

/** How long a client may take to send a request, in milliseconds; what trickles in more slowly is cut off with 408. */
export interface Patience {
  readonly headers: number
  /** Headers and body. */
  readonly request: number
}
const PATIENCE: Patience = { headers: 10_000, request: 30_000 }
/** Longer than the keep-alive of the gateways in front (nginx: 60 s), so that they never reuse what we just closed. */
const KEEP_ALIVE_MILLIS = 65_000
/** How long requests that are being worked on may take after the stop was asked for: SIGKILL follows after 10 seconds. */
export const Drain = Context.Reference<Duration.Duration>("@g-store/service-kit/HttpServer/Drain", {
  defaultValue: () => Duration.seconds(8)
})

interface RawProblem {
  readonly status: number
  readonly reason: string
  readonly type: string
  readonly detail: string
}

const rawProblems: Readonly<Record<string, RawProblem>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: "Request Header Fields Too Large",
    type: "headers-too-large",
    detail: "URL and headers together are larger than 16 KiB. Send less."
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    reason: "Content Too Large",
    type: "body-too-large",
    detail: "The chunk extensions are too large. Send the body without them."
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: "Request Timeout",
    type: "request-timeout",
    detail: "The request did not arrive in time. Send it again, faster."
  }
}

const malformed: RawProblem = {
  status: 400,
  reason: "Bad Request",
  type: "request-invalid",
  detail: "This is not an HTTP request that can be read: mend its first line or its headers."
}

const bodyOf = ({ detail, reason, status, type }: RawProblem): string =>
  JSON.stringify({ type: `urn:g-store:${type}`, title: reason, status, detail, error: detail })

/** Errors before there is a request: answered on the raw socket, since no handler will. */
const answerRaw = (error: Error & { readonly code?: string }, socket: Socket): void => {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy()
  const problem = (error.code === undefined ? undefined : rawProblems[error.code]) ?? malformed
  const body = bodyOf(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.reason}\r\nContent-Type: application/problem+json\r\n`
      + `Content-Length: ${
        Buffer.byteLength(body)
      }\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`
  )
}

const answerWith = (response: ServerResponse, problem: RawProblem, headers: Record<string, string>): void => {
  response.writeHead(problem.status, { "content-type": "application/problem+json", connection: "close", ...headers })
  response.end(bodyOf(problem))
}

const notReady: RawProblem = {
  status: 503,
  reason: "Service unavailable",
  type: "service-unavailable",
  detail: "The service is starting or stopping. Try again in a second."
}
const noExpectation: RawProblem = {
  status: 417,
  reason: "Expectation Failed",
  type: "expectation-failed",
  detail: "The only Expect that is understood is 100-continue. Send the request without it."
}

/**
 * The server that every service listens with. Answers in its own name what no route ever sees: requests that cannot be
 * parsed, slow ones, and those that come while routes are not attached yet or no more (Effect's server listens first,
 * and would leave them without an answer).
 */
const makeServer = (patience: Patience): Server => {
  const server = createServer({
    requestTimeout: patience.request,
    headersTimeout: patience.headers,
    keepAliveTimeout: KEEP_ALIVE_MILLIS,
    connectionsCheckingInterval: Math.min(1000, patience.headers),
    maxHeaderSize: 16 * 1024
  })
  server.on("clientError", answerRaw)
  server.on(
    "checkExpectation",
    (_request: IncomingMessage, response: ServerResponse) => answerWith(response, noExpectation, {})
  )
  server.on("request", (_request, response) => {
    if (server.listenerCount("request") === 1) answerWith(response, notReady, { "retry-after": "1" })
  })
  return server
}

/** node:http's server beneath Effect's: for what needs its `upgrade` event, as WebSockets do. */
export class NodeServer extends Context.Service<NodeServer, Server>()("@g-store/service-kit/HttpServer/NodeServer") {}

/**
 * What has to happen before a server waits for its connections to end: sockets that live on would otherwise hold it up
 * for the whole drain, since layers inside `serve` are only closed after it.
 */
export class ServerStop extends Context.Service<ServerStop, {
  /** Runs `close` when the stop begins. */
  readonly before: (close: Effect.Effect<void>) => Effect.Effect<void>
  readonly run: Effect.Effect<void>
}>()("@g-store/service-kit/HttpServer/ServerStop") {}

const makeServerStop = (): ServerStop["Service"] => {
  const hooks = new Set<Effect.Effect<void>>()
  return {
    before: (close) => Effect.sync(() => void hooks.add(close)),
    run: Effect.suspend(() => Effect.forEach(hooks, (close) => close, { concurrency: "unbounded", discard: true }))
  }
}

/** A port that cannot be listened on; `message` is the line that the operator reads. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", { message: Schema.String }) {}

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** The variable that sets the port, for the message when it is taken. */
  readonly variable: string
  /** 10 s for headers and 30 s for the whole request if absent. */
  readonly patience?: Patience
}

const listenFailure = ({ host, port, variable }: ListenOptions, cause: unknown): ListenFailed => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  const why = code === "EADDRINUSE"
    ? "something else listens there"
    : code === "EACCES"
    ? "it is not allowed to"
    : String(cause)
  return new ListenFailed({ message: `${variable}: cannot listen on ${host}:${port}, ${why}` })
}

type Listening = Layer.Success<ReturnType<typeof NodeHttpServer.layer>>

const refused = (failure: ListenFailed): Layer.Layer<Listening, ListenFailed> =>
  Layer.effectContext<Listening, ListenFailed, never>(Effect.fail(failure))

/** What SHUTDOWN_DELAY took is gone: both together stay within the time that a stop has. */
const timeToDrain = Effect.gen(function*() {
  return Duration.subtract(yield* Drain, yield* shutdownDelay)
})

/**
 * A listening server of its own, whenever this is called. Until routes are attached it answers 503. When it stops, it
 * stops listening first, and gives requests that are being worked on 8 seconds, less SHUTDOWN_DELAY.
 */
export const httpServer = (options: ListenOptions) =>
  Layer.unwrap(Effect.map(timeToDrain, (drain) => {
    const server = makeServer(options.patience ?? PATIENCE)
    return Layer.mergeAll(
      Layer.succeed(NodeServer, server),
      Layer.sync(ServerStop, makeServerStop),
      NodeHttpServer.layer(() => server, {
        host: options.host,
        port: options.port,
        gracefulShutdownTimeout: drain
      }).pipe(Layer.catchTag("ServeError", ({ cause }) => refused(listenFailure(options, cause))))
    )
  }))

/** Ids in paths are checked by schemas, which say what is wrong; the router's own bound would say 404. */
const routerConfig = { maxParamLength: 16 * 1024 }

/**
 * As soon as the stop was asked for every answer closes its connection, else keep-alive would hold the server open; and what is left of
 * connections after the drain (a request that never arrived in full, say) is cut off: from the stop on Node does not
 * look after them any more.
 */
const closeConnections = Effect.gen(function*() {
  const server = yield* NodeServer
  const stop = yield* ServerStop
  const drain = yield* timeToDrain
  const health = yield* Effect.serviceOption(Health)
  const working = new Set<ServerResponse>()
  let leaving = false
  const leave = Effect.sync(() => {
    leaving = true
    for (const response of working) if (!response.headersSent) response.setHeader("connection", "close")
  })
  if (Option.isSome(health)) yield* health.value.whenStopping(leave)
  server.prependListener("request", (_request, response) => {
    working.add(response)
    if (leaving) response.setHeader("connection", "close")
    response.once("close", () => {
      working.delete(response)
      if (!server.listening) server.closeIdleConnections()
    })
  })
  const closed = Effect.callback<void>((resume) => void server.once("close", () => resume(Effect.void)))
  const cutOff = Effect.delay(Effect.sync(() => server.closeAllConnections()), drain)
  yield* Effect.addFinalizer(() =>
    Effect.andThen(leave, Effect.andThen(Effect.forkDetach(Effect.raceFirst(closed, cutOff)), stop.run))
  )
})

const announce = Effect.gen(function*() {
  const { address } = yield* HttpServer.HttpServer
  yield* Effect.logInfo(`listening on ${HttpServer.formatAddress(address)}`).pipe(
    Effect.annotateLogs({ module: "http" })
  )
})

/**
 * Serves routes on the server at hand, with the edge around them. Gives nothing on: what HttpRouter.serve gives has its
 * router in it, and a second server that was built on that would serve the routes of the first one too.
 */
export const serve = <A, E, R>(routes: Layer.Layer<A, E, R>, options?: EdgeOptions) =>
  Layer.effectDiscard(Effect.andThen(closeConnections, announce)).pipe(
    Layer.provide(
      HttpRouter.serve(Layer.provideMerge(routes, Edge(options)), {
        disableLogger: true,
        disableListenLog: true,
        routerConfig
      })
    )
  )

/** Serves routes to `Request`s in memory, with the edge around them: for tests. */
export const webHandler = <A, E>(routes: Layer.Layer<A, E, HttpRouter.HttpRouter>, options?: EdgeOptions) =>
  HttpRouter.toWebHandler(Layer.provideMerge(routes, Edge(options)), { disableLogger: true, routerConfig })
