import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Duration, Effect, Layer, Option, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import type { Server, ServerResponse } from "node:http"
import { Edge, type EdgeOptions } from "./Edge.ts"
import { Health } from "./Health.ts"
import { hostInUrl } from "./HostInUrl.ts"
import { makeRawServer, PATIENCE, type Patience } from "./RawServer.ts"
import * as ServiceConfig from "./ServiceConfig.ts"
import { shedSurplus } from "./Shedding.ts"

/** How long requests that are being worked on may take after the stop was asked for: SIGKILL follows after 10 seconds. */
export const Drain = Context.Reference<Duration.Duration>("@g-store/service-kit/HttpServer/Drain", {
  defaultValue: () => Duration.seconds(8)
})

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

/** What Node says of a HOST that it cannot listen on, whatever the port. */
const notOurs = new Set<unknown>(["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN", "EINVAL"])

const listenFailure = ({ host, port, variable }: ListenOptions, cause: unknown): ListenFailed => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (notOurs.has(code)) return new ListenFailed({ message: `HOST: ${host} is no address of this machine` })
  const why = code === "EADDRINUSE"
    ? "something else listens there"
    : code === "EACCES"
    ? "it is not allowed to"
    : String(cause)
  return new ListenFailed({ message: `${variable}: cannot listen on ${hostInUrl(host)}:${port}, ${why}` })
}

type Listening = Layer.Success<ReturnType<typeof NodeHttpServer.layer>>

const refused = (failure: ListenFailed): Layer.Layer<Listening, ListenFailed> =>
  Layer.effectContext<Listening, ListenFailed, never>(Effect.fail(failure))

/** What SHUTDOWN_DELAY took is gone: both together stay within the time that a stop has. */
const timeToDrain = Effect.gen(function*() {
  return Duration.subtract(yield* Drain, yield* ServiceConfig.shutdownDelay)
})

/**
 * A listening server of its own, whenever this is called. Until routes are attached it answers 503. When it stops, it
 * stops listening first, and gives requests that are being worked on 8 seconds, less SHUTDOWN_DELAY.
 */
export const httpServer = (options: ListenOptions) =>
  Layer.unwrap(Effect.gen(function*() {
    const drain = yield* timeToDrain
    const server = yield* makeRawServer(options.patience ?? PATIENCE)
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

const shedding = ({ headersOfShed: headers = () => ({}), maxInFlight }: EdgeOptions = {}) =>
  Effect.gen(function*() {
    yield* shedSurplus(yield* NodeServer, { bound: maxInFlight ?? (yield* ServiceConfig.maxInFlight), headers })
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
  Layer.effectDiscard(Effect.all([closeConnections, shedding(options), announce], { discard: true })).pipe(
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
