import type { EdgeProblemType } from "@g-store/contracts/ProblemTypes.ts"
import { CurrentTraceparent } from "@g-store/messaging/TraceContext.ts"
import { Effect, FiberSet, Random } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { holdEarlyRequests } from "./EarlyRequests.ts"
import { BUSY } from "./EdgeAnswers.ts"
import { traceparentFrom } from "./Traceparent.ts"

/** How long a client may take to send a request, in milliseconds; what trickles in more slowly is cut off with 408. */
export interface Patience {
  readonly headers: number
  /** Headers and body. */
  readonly request: number
}
/** What clients are given unless somebody says otherwise. */
export const PATIENCE: Patience = { headers: 10_000, request: 30_000 }
/**
 * In milliseconds: how long a connection that looks idle is left open once the server is to close. What its client has
 * just said may not have been read yet, and a cut would lose it; read in time, it is answered and the connection closed.
 */
const LINGER_MILLIS = 500
/** In milliseconds: a turn of the event loop that leaves hardly time for a connection to come in, and how many are tried. */
const SHORT_TURN_MILLIS = 1
const TURNS = 200
/** Longer than the keep-alive of the gateways in front (nginx: 60 s), so that they never reuse what we just closed. */
const KEEP_ALIVE_MILLIS = 65_000

interface RawProblem {
  readonly status: number
  readonly reason: string
  readonly type: EdgeProblemType
  readonly detail: string
  /** The Allow header of a 405. */
  readonly allow?: string
}

const rawProblems: Readonly<Record<string, RawProblem>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: "Request Header Fields Too Large",
    type: "urn:g-store:headers-too-large",
    detail: "URL and headers together are larger than 16 KiB. Send less."
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    reason: "Content Too Large",
    type: "urn:g-store:body-too-large",
    detail: "The chunk extensions are too large. Send the body without them."
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: "Request Timeout",
    type: "urn:g-store:request-timeout",
    detail: "The request did not arrive in time. Send it again, faster."
  }
}

const malformed: RawProblem = {
  status: 400,
  reason: "Bad Request",
  type: "urn:g-store:request-invalid",
  detail: "This is not an HTTP request that can be read: mend its first line or its headers."
}

/** What the router serves anywhere: for requests that never reach it. */
const SERVED = "GET, HEAD, POST, PATCH, OPTIONS"

/** A first line that is well formed but for a method that Node does not know. */
const unknownMethod = (packet: unknown): RawProblem | undefined => {
  const [, method] = Buffer.isBuffer(packet)
    ? /^([A-Za-z][\w-]{0,39}) \S+ HTTP\/1\.[01]\r?$/m.exec(packet.subarray(0, 4096).toString("latin1")) ?? []
    : []
  return method === undefined ? undefined : {
    status: 405,
    reason: "Method Not Allowed",
    type: "urn:g-store:method-not-allowed",
    detail: method === method.toUpperCase()
      ? `${method} is not served here. ${SERVED} are.`
      : `Methods are written in capitals: ${method.toUpperCase()}, not ${method}.`,
    allow: SERVED
  }
}

const bodyOf = ({ detail, reason, status, type }: RawProblem, traceId: string): string =>
  JSON.stringify({ type, title: reason, status, detail, error: detail, traceId })

/** What Node's parser says of a request that it cannot read. */
interface RequestError extends Error {
  readonly code?: string
  readonly rawPacket?: unknown
}

const problemOf = ({ code, rawPacket }: RequestError): RawProblem => {
  const known = code === "HPE_INVALID_METHOD" ? unknownMethod(rawPacket) : rawProblems[code ?? ""]
  return known ?? malformed
}

/** Errors before there is a request are answered on the raw socket, since no handler will. */
const writeRaw = (socket: Socket, problem: RawProblem, traceId: string): void => {
  const body = bodyOf(problem, traceId)
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.reason}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "X-Content-Type-Options: nosniff",
    `X-Request-Id: ${traceId}`,
    ...(problem.allow === undefined ? [] : [`Allow: ${problem.allow}`]),
    "Connection: close"
  ]
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`)
}

const answerWith = (
  response: ServerResponse,
  problem: RawProblem,
  traceId: string,
  headers: Record<string, string>
): void => {
  const body = bodyOf(problem, traceId)
  response.writeHead(problem.status, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    "x-request-id": traceId,
    connection: "close",
    ...headers
  })
  response.end(body)
}

const notReady: RawProblem = {
  status: 503,
  reason: "Service unavailable",
  type: "urn:g-store:service-unavailable",
  detail: "The service is starting or stopping. Try again in a second."
}
const busy: RawProblem = { ...notReady, detail: BUSY }

/** 503 for a request that is turned away before any work. Its connection stays: a new one would cost more. */
export const refuseBusy = (
  response: ServerResponse,
  traceId: string,
  headers: Readonly<Record<string, string>>
): void => answerWith(response, busy, traceId, { connection: "keep-alive", "retry-after": "1", ...headers })

const noExpectation: RawProblem = {
  status: 417,
  reason: "Expectation Failed",
  type: "urn:g-store:expectation-failed",
  detail: "The only Expect that is understood is 100-continue. Send the request without it."
}

/**
 * Calls `close` behind a turn of the event loop that took in what had connected and did hardly anything else. Whoever
 * connected after that is reset by the system, though they may have sent their request already: so the time is short.
 */
const afterAccepting = (close: () => void): void => {
  const turn = (left: number): void => {
    const began = performance.now()
    setImmediate(() => left === 0 || performance.now() - began < SHORT_TURN_MILLIS ? close() : turn(left - 1))
  }
  // From wherever in a turn we are to its end.
  setImmediate(turn, TURNS)
}

/**
 * The server that every service listens with. Answers in its own name what no route ever sees: requests that cannot be
 * parsed, slow ones, and those that come while routes are not attached yet for long, or no more (Effect's server listens first,
 * and would leave them without an answer).
 */
export const makeRawServer = (patience: Patience) =>
  Effect.gen(function*() {
    const random = yield* Random.Random
    const run = yield* FiberSet.makeRuntime<never, void, never>()

    /** The trace id of an answer that no route gives; its line in the log is for whoever looks, garbage comes in floods. */
    const traced = ({ detail, status }: RawProblem): string => {
      const traceparent = traceparentFrom(undefined, random)
      run(
        Effect.logDebug(`answered ${status} without a route: ${detail}`).pipe(
          Effect.annotateLogs({ module: "http", status }),
          Effect.provideService(CurrentTraceparent, traceparent)
        )
      )
      return traceparent.slice(3, 35)
    }

    const server = createServer({
      requestTimeout: patience.request,
      headersTimeout: patience.headers,
      keepAliveTimeout: KEEP_ALIVE_MILLIS,
      connectionsCheckingInterval: Math.min(1000, patience.headers),
      maxHeaderSize: 16 * 1024
    })
    const closeIdle = server.closeIdleConnections.bind(server)
    const close = server.close.bind(server)
    server.close = (done) => {
      afterAccepting(() => close(done))
      return server
    }
    // node:http calls this at once when it is told to close.
    server.closeIdleConnections = () => void setTimeout(closeIdle, LINGER_MILLIS)
    server.on("clientError", (error: RequestError, socket: Socket) => {
      if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy()
      const problem = problemOf(error)
      writeRaw(socket, problem, traced(problem))
    })
    server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) =>
      answerWith(response, noExpectation, traced(noExpectation), {}))
    holdEarlyRequests(server, (response) =>
      answerWith(response, notReady, traced(notReady), { "retry-after": "1" }))
    return server
  })
