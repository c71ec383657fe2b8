import type { Caller } from "@g-store/contracts/Actor.ts"
import { Forbidden, RequestInvalid, ServiceUnavailable } from "@g-store/contracts/Problems.ts"
import { closeCodes, SUBPROTOCOL } from "@g-store/contracts/Socket.ts"
import { Callers } from "@g-store/service-kit/Callers.ts"
import { corsOrigins } from "@g-store/service-kit/CorsOrigins.ts"
import { NodeServer, ServerStop } from "@g-store/service-kit/HttpServer.ts"
import { authMode, environment, trustedProxies } from "@g-store/service-kit/ServiceConfig.ts"
import { Deferred, Effect, FiberSet, Layer, Metric, Result } from "effect"
import { IncomingMessage } from "node:http"
import { Duplex } from "node:stream"
import { WebSocketServer } from "ws"
import { makeFraming, makeUpdateFrames } from "./Frames.ts"
import { HeldSocket } from "./HeldSocket.ts"
import { defaultLimits, type SocketLimits } from "./SocketLimits.ts"
import { type Admission, makeSessions } from "./SocketSessions.ts"
import { bearerOf, clientOf, credentialsOf, subprotocolTokenOf } from "./upgradeCredentials.ts"
import { makeRefusal } from "./upgradeRefusal.ts"
import { makeWires, type Wire } from "./Wire.ts"

const PATH = /^\/ws\/orders\/?(\?|$)/

const open = Metric.gauge("websocket_connections", { description: "Sockets that are open" })
const slow = Metric.counter("websocket_slow_consumers_total", {
  description: "Sockets closed with 1013",
  incremental: true
})
const sent = Metric.counter("websocket_frames_sent_total", {
  description: "Frames handed to sockets",
  incremental: true
})

export interface OrderSocketOptions {
  readonly limits?: Partial<SocketLimits> | undefined
  /** Whether X-User-ID of the upgrade request may be believed at all; false where this process is the gateway. */
  readonly passUserId?: boolean | undefined
}

/** Who opens a socket, as the upgrade request alone says it, and until when. */
interface Opener {
  readonly caller?: Caller
  readonly expiresAt?: number
}

/** Counts the sockets of each caller. */
const makeAdmission = (most: number): Admission => {
  const counts = new Map<string, number>()
  const nameOf = (caller: Caller) => caller._tag === "Customer" ? caller.userId : `staff:${caller.id}`
  return {
    take: (caller) => {
      const name = nameOf(caller)
      const count = counts.get(name) ?? 0
      if (count >= most) return false
      counts.set(name, count + 1)
      return true
    },
    giveBack: (caller) => {
      const name = nameOf(caller)
      const count = (counts.get(name) ?? 1) - 1
      if (count === 0) counts.delete(name)
      else counts.set(name, count)
    }
  }
}

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
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const refuse = yield* makeRefusal
    const sessions = yield* makeSessions({
      limits,
      updateFrame: makeUpdateFrames(),
      admission: makeAdmission(limits.connectionsPerUser),
      authenticate: trusted ? undefined : callers.byToken
    }).pipe(Effect.annotateLogs({ module: "notifications.socket" }))
    const sockets = new Set<Wire>()
    const allGone = yield* Deferred.make<void>()
    let stopping = false
    const wires = makeWires({
      limits,
      framing: makeFraming(),
      onSlow: () => void run(Metric.update(slow, 1)),
      onGone: (wire) => {
        sockets.delete(wire)
        if (stopping && sockets.size === 0) Deferred.doneUnsafe(allGone, Effect.void)
      }
    })
    const wss = new WebSocketServer({
      noServer: true,
      maxPayload: limits.frameBytes,
      perMessageDeflate: false,
      clientTracking: false,
      WebSocket: HeldSocket,
      handleProtocols: (offered) => offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false
    })

    // What is no proper WebSocket handshake; ws would answer it in plain text.
    wss.on("wsClientError", (error, stream, request) => {
      refuse(request, stream, new RequestInvalid({ detail: `This is no WebSocket handshake: ${error.message}.` }))
    })

    const accept = (request: IncomingMessage, stream: Duplex, head: Buffer, opener: Opener): void => {
      if (stopping || sockets.size >= limits.connections) {
        const detail = stopping
          ? "This replica is going away. Try again in a second."
          : "This replica holds as many sockets as it can. Try again in a second."
        return refuse(request, stream, new ServiceUnavailable({ detail, retryAfter: 1 }))
      }
      // Not the request itself: a socket would keep it, headers and all, for its whole life.
      const address = clientOf(request, proxies)
      const token = subprotocolTokenOf(request)
      wss.handleUpgrade(request, stream, head, (socket) => {
        const wire = wires.hold(socket)
        sockets.add(wire)
        socket.hold(stream, wire)
        const unchecked = trusted && development && opener.caller === undefined
        const session = sessions.open({ ...opener, connection: wire, address, unchecked })
        if (token !== undefined) session.receive(JSON.stringify({ type: "authenticate", token }))
        wire.attach(session)
      })
    }

    /** Undefined where the request's headers say nothing, and a frame may. */
    const opening = (request: IncomingMessage) => {
      const credentials = credentialsOf(request, proxies, options.passUserId !== false)
      const identified = Effect.map(callers.identify(credentials), (caller): Opener => ({ caller }))
      if (credentials.staffKey !== undefined) return identified
      if (trusted) return credentials.userId === undefined && development ? undefined : identified
      const token = bearerOf(credentials.authorization)
      if (token !== undefined) return callers.byToken(token, credentials.client)
      return credentials.authorization === undefined ? undefined : identified
    }

    const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      const { origin } = request.headers
      if (origin !== undefined && !origins.has(origin)) {
        const detail = `Pages of ${origin} may not open sockets here: CORS_ORIGINS names those that may.`
        return refuse(request, stream, new Forbidden({ detail }))
      }
      const opener = opening(request)
      if (opener === undefined) return accept(request, stream, head, {})
      // Until somebody answers, an error of the raw socket would end the process.
      const ignore = () => stream.destroy()
      stream.once("error", ignore)
      run(Effect.map(Effect.result(opener), (found) => {
        stream.off("error", ignore)
        if (Result.isSuccess(found)) return accept(request, stream, head, found.success)
        refuse(request, stream, found.failure)
      }))
    }

    // Effect's server answers every upgrade that no route takes with 404 on the raw socket, so ours is taken out before.
    const { emit } = server
    server.emit = (event: string | symbol, ...args: ReadonlyArray<unknown>): boolean => {
      const [request, stream, head] = args
      const isOurs = event === "upgrade" && request instanceof IncomingMessage && PATH.test(request.url ?? "") &&
        stream instanceof Duplex && Buffer.isBuffer(head)
      if (!isOurs) return emit.call(server, event, ...args)
      upgrade(request, stream, head)
      return true
    }
    const goAway = Effect.suspend(() => {
      stopping = true
      if (sockets.size === 0) return Effect.void
      for (const wire of sockets) wire.close(closeCodes.goingAway, "this replica goes away: connect again and resume")
      return Deferred.await(allGone).pipe(Effect.timeout(limits.closeMillis + 1_000), Effect.ignore)
    })
    // Before the server waits for its connections to end: it would wait for these as well, to the end of its drain.
    yield* (yield* ServerStop).before(goAway)
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        yield* goAway
        server.emit = emit
        wss.close()
      })
    )

    yield* Effect.gen(function*() {
      for (const wire of sockets) wire.beat()
      yield* Metric.update(open, sockets.size)
      yield* Metric.update(sent, wires.takeSent())
    }).pipe(Effect.delay(limits.pingMillis), Effect.forever, Effect.forkScoped)
  }))
