import type { Caller } from "@g-store/contracts/Actor.ts"
import { closeCodes, SUBPROTOCOL } from "@g-store/contracts/Socket.ts"
import { Callers, type Credentials } from "@g-store/service-kit/Callers.ts"
import { corsOrigins } from "@g-store/service-kit/CorsOrigins.ts"
import { NodeServer } from "@g-store/service-kit/HttpServer.ts"
import { authMode, environment, trustedProxies } from "@g-store/service-kit/ServiceConfig.ts"
import { isWithin } from "@g-store/service-kit/ClientAddress.ts"
import { Deferred, Effect, FiberSet, Layer, Metric, Result } from "effect"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import { type Frame, makeUpdateFrames } from "./Frames.ts"
import { defaultLimits, type SocketLimits } from "./SocketLimits.ts"
import { makeSession, type SocketSession } from "./SocketSession.ts"
import { refuseUpgrade } from "./upgradeRefusal.ts"

const PATH = /^\/ws\/orders\/?(\?|$)/
const PING_EVERY = "15 seconds"
/** How long a peer may take to answer a close before the connection is cut. */
const CLOSE_MILLIS = 2_000

const open = Metric.gauge("websocket_connections", { description: "Sockets that are open" })
const slow = Metric.counter("websocket_slow_consumers_total", { description: "Sockets closed with 1013", incremental: true })
const sent = Metric.counter("websocket_frames_sent_total", { description: "Frames handed to sockets", incremental: true })

export interface OrderSocketOptions {
  readonly limits?: Partial<SocketLimits> | undefined
  /** Whether X-User-ID of the upgrade request may be believed at all; false where this process is the gateway. */
  readonly passUserId?: boolean | undefined
}

const header = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

const bearerOf = (request: IncomingMessage): string | undefined =>
  header(request, "sec-websocket-protocol")?.split(",").map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith("bearer."))?.slice("bearer.".length)

/** `/ws/orders/` on the server at hand: `ws` sockets around sessions. */
export const OrderSocket = (options: OrderSocketOptions = {}) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const limits = { ...defaultLimits, ...options.limits }
    const server = yield* NodeServer
    const callers = yield* Callers
    const origins = new Set(yield* corsOrigins)
    const trusted = (yield* authMode) === "trusted-header"
    const development = (yield* environment) === "development"
    const proxies = yield* trustedProxies
    const updateFrame = makeUpdateFrames()
    const run = yield* FiberSet.makeRuntime<Effect.Services<ReturnType<typeof makeSession>>, void, never>()
    const perUser = new Map<string, number>()
    const sockets = new Set<Wire>()
    const wss = new WebSocketServer({
      noServer: true,
      maxPayload: limits.frameBytes,
      perMessageDeflate: false,
      handleProtocols: (offered) => offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false
    })

    const clientOf = (request: IncomingMessage): string | undefined => {
      const peer = request.socket.remoteAddress
      if (!isWithin(proxies, peer)) return peer
      return header(request, "x-forwarded-for")?.split(",").map((hop) => hop.trim())
        .findLast((hop) => !isWithin(proxies, hop)) ?? peer
    }
    const credentialsOf = (request: IncomingMessage): Credentials => ({
      authorization: header(request, "authorization"),
      staffKey: header(request, "x-staff-api-key"),
      userId: options.passUserId === false ? undefined : header(request, "x-user-id"),
      peer: request.socket.remoteAddress,
      client: clientOf(request)
    })

    const admit = (caller: Caller) => {
      const name = caller._tag === "Customer" ? caller.userId : `staff:${caller.id}`
      return Effect.acquireRelease(
        Effect.sync(() => {
          const count = perUser.get(name) ?? 0
          if (count >= limits.connectionsPerUser) return false
          perUser.set(name, count + 1)
          return true
        }),
        (taken) =>
          Effect.sync(() => {
            if (!taken) return
            const count = (perUser.get(name) ?? 1) - 1
            if (count === 0) perUser.delete(name)
            else perUser.set(name, count)
          })
      )
    }

    const converse = (wire: Wire, request: IncomingMessage, caller: Caller | undefined) =>
      Effect.gen(function*() {
        const client = clientOf(request)
        const session = yield* makeSession({
          connection: wire,
          limits,
          updateFrame,
          caller,
          unchecked: trusted && development && caller === undefined,
          admit,
          authenticate: (token) => callers.byToken(token, client)
        })
        const token = bearerOf(request)
        if (token !== undefined) session.receive(JSON.stringify({ type: "authenticate", token }))
        wire.attach(session)
        yield* Deferred.await(wire.closed)
      }).pipe(Effect.scoped, Effect.annotateLogs({ module: "notifications.socket" }))

    const accept = (request: IncomingMessage, stream: Duplex, head: Buffer, caller: Caller | undefined) =>
      wss.handleUpgrade(request, stream, head, (socket) => {
        const wire = new Wire(socket, stream, limits, () => void run(Metric.update(slow, 1)))
        sockets.add(wire)
        socket.once("close", () => {
          sockets.delete(wire)
          Deferred.doneUnsafe(wire.closed, Effect.void)
        })
        run(converse(wire, request, caller))
      })

    const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      const origin = header(request, "origin")
      if (origin !== undefined && !origins.has(origin)) {
        return refuseUpgrade(stream, 403, "forbidden", `Pages of ${origin} may not open sockets here: CORS_ORIGINS names those that may.`)
      }
      if (sockets.size >= limits.connections) {
        return refuseUpgrade(stream, 503, "service-unavailable", "This replica holds as many sockets as it can. Try again in a second.")
      }
      const credentials = credentialsOf(request)
      const shown = credentials.staffKey ?? (trusted ? credentials.userId : credentials.authorization)
      if (shown === undefined) return accept(request, stream, head, undefined)
      // Until somebody answers, an error of the raw socket would end the process.
      const ignore = () => stream.destroy()
      stream.once("error", ignore)
      run(Effect.map(Effect.result(callers.identify(credentials)), (found) => {
        stream.off("error", ignore)
        if (Result.isSuccess(found)) return accept(request, stream, head, found.success)
        refuseUpgrade(stream, found.failure.status ?? 401, "unauthorized", found.failure.detail ?? "These credentials do not hold.")
      }))
    }

    // Effect's server answers every upgrade that no route takes with 404 on the raw socket, so ours is taken out before.
    const emit = server.emit
    server.emit = function(this: typeof server, event: string | symbol, ...args: Array<never>): boolean {
      const [request, stream, head] = args as ReadonlyArray<unknown> as [IncomingMessage, Duplex, Buffer]
      if (event !== "upgrade" || !PATH.test(request.url ?? "")) return Reflect.apply(emit, this, [event, ...args])
      upgrade(request, stream, head)
      return true
    }
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        server.emit = emit
        const closing = [...sockets]
        for (const wire of closing) wire.close(closeCodes.goingAway, "this replica goes away: connect again and resume")
        yield* Effect.forEach(closing, (wire) => Deferred.await(wire.closed), { concurrency: "unbounded" }).pipe(
          Effect.timeout("3 seconds"),
          Effect.ignore
        )
        wss.close()
      })
    )

    yield* Effect.gen(function*() {
      let frames = 0
      for (const wire of sockets) {
        wire.beat()
        frames += wire.takeSent()
      }
      yield* Metric.update(open, sockets.size)
      yield* Metric.update(sent, frames)
    }).pipe(Effect.delay(PING_EVERY), Effect.forever, Effect.forkScoped)
  }))

/** One `ws` socket as a session's connection. Frames of one turn of the event loop leave in one write. */
class Wire {
  readonly closed = Deferred.makeUnsafe<void>()
  private readonly socket: WebSocket
  private readonly stream: Duplex
  private readonly limits: SocketLimits
  private readonly onSlow: () => void
  private session: SocketSession | undefined
  private early: Array<string> = []
  private frames: Array<Frame> = []
  private alive = true
  private sent = 0

  constructor(socket: WebSocket, stream: Duplex, limits: SocketLimits, onSlow: () => void) {
    this.socket = socket
    this.stream = stream
    this.limits = limits
    this.onSlow = onSlow
    socket.on("pong", () => {
      this.alive = true
    })
    // ws has closed it with the right code already (1009, 1007, ...): the close event follows.
    socket.on("error", () => {})
    socket.on("message", (data, isBinary) => {
      this.alive = true
      if (isBinary) return this.session?.refuse("INVALID", "Binary frames are not understood here: send text.")
      const text = String(data)
      if (this.session === undefined) this.early.push(text)
      else this.session.receive(text)
    })
  }

  readonly attach = (session: SocketSession): void => {
    this.session = session
    for (const text of this.early) session.receive(text)
    this.early = []
  }

  readonly send = (frame: Frame): void => {
    if (this.frames.length === 0) setImmediate(this.flush)
    this.frames.push(frame)
  }

  readonly close = (code: number, reason: string): void => {
    this.flush()
    this.socket.close(code, reason)
    setTimeout(() => this.socket.terminate(), CLOSE_MILLIS).unref()
  }

  /** Cuts a peer that has not been heard of since the last beat, and asks the others for a sign. */
  readonly beat = (): void => {
    if (!this.alive) return this.close(closeCodes.noPong, "no pong")
    this.alive = false
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping()
  }

  readonly takeSent = (): number => {
    const { sent } = this
    this.sent = 0
    return sent
  }

  private readonly flush = (): void => {
    const frames = this.frames
    if (frames.length === 0) return
    this.frames = []
    if (this.socket.readyState !== this.socket.OPEN) return
    this.stream.cork()
    for (const frame of frames) this.socket.send(frame, { binary: false })
    this.stream.uncork()
    this.sent += frames.length
    if (this.socket.bufferedAmount <= this.limits.bufferedBytes) return
    this.onSlow()
    this.socket.close(closeCodes.slowConsumer, "you do not read fast enough: connect again and resume")
    setTimeout(() => this.socket.terminate(), CLOSE_MILLIS).unref()
  }
}
