import type { Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import { closeCodes, type ServerFrame, type SocketErrorCode } from "@g-store/contracts/Socket.ts"
import type { Verified } from "@g-store/service-kit/TokenVerifier.ts"
import { Clock, Effect, FiberHandle, Queue, Result, Scope } from "effect"
import { readClientFrame } from "./ClientFrames.ts"
import { type Frame, serverFrame } from "./Frames.ts"
import { type LiveEvent, LiveTail } from "./LiveTail.ts"
import type { SocketLimits } from "./SocketLimits.ts"
import { makeSubscriptions } from "./Subscriptions.ts"

/** The other end of a session: a WebSocket, or a client of the simulation. Neither call blocks or throws. */
export interface Connection {
  readonly send: (frame: Frame) => void
  readonly close: (code: number, reason: string) => void
}

export interface SessionOptions {
  readonly connection: Connection
  readonly limits: SocketLimits
  readonly updateFrame: (update: NonNullable<LiveEvent["update"]>) => Frame
  /**
   * Who a token stands for, or what to tell its bearer; undefined where tokens mean nothing, because the upgrade request
   * alone says who is there.
   */
  readonly authenticate:
    | ((token: string) => Effect.Effect<Verified, { readonly detail?: string | undefined }>)
    | undefined
  /** Known from the upgrade request, by its headers. */
  readonly caller?: Caller | undefined
  /** Until when, in milliseconds since the epoch; for ever if absent. */
  readonly expiresAt?: number | undefined
  /** Takes one of the caller's sockets, for as long as the session lives; false when they have enough. */
  readonly admit: (caller: Caller) => Effect.Effect<boolean, never, Scope.Scope>
  /** Development with trusted headers and none sent: orders are served without asking whose they are. */
  readonly unchecked?: boolean | undefined
}

/** What may be said to a session from outside. */
export interface SocketSession {
  /** What the client sent: the text of a frame, or undefined for a frame that is no text. */
  readonly receive: (text: string | undefined) => void
}

export type Say = (
  frame: Exclude<typeof ServerFrame.Type, { readonly type: "order.status.changed" | "order.cancelled" }>
) => void
export type Refuse = (
  code: SocketErrorCode,
  message: string,
  about?: { readonly orderId?: OrderId; readonly scope?: "mine" | "all" }
) => void

const AUTHENTICATION_DEADLINE = "10 seconds"
/** Timers hold 24 days at most; whoever brings a token of more than that has to come again before. */
const LONGEST_TIMER_MILLIS = 2_000_000_000

/** One socket's conversation. Frames are taken in order. Ends with its scope. */
export const makeSession = Effect.fnUntraced(function*(options: SessionOptions) {
  const { connection, limits } = options
  const inbox = yield* Queue.unbounded<string | undefined>()
  const deadline = yield* FiberHandle.make<void, never>()
  const sessionScope = yield* Effect.scope
  const unchecked = options.unchecked === true
  let caller: Caller | undefined
  // One who comes back asks for everything anew that they follow by name, all at once.
  const burst = limits.messagesPerSecond + limits.subscriptions
  let allowance = burst
  let countedAt = 0

  const say: Say = (frame) => connection.send(serverFrame(frame))
  const refuse: Refuse = (code, message, about = {}) => say({ type: "error", data: { code, message, ...about } })
  const subscriptions = yield* makeSubscriptions({
    say,
    refuse,
    update: (update) => connection.send(options.updateFrame(update)),
    caller: () => caller,
    unchecked,
    most: limits.subscriptions
  })

  const closeAfter = (duration: Parameters<typeof Effect.sleep>[0], reason: string) =>
    FiberHandle.run(
      deadline,
      Effect.andThen(Effect.sleep(duration), Effect.sync(() => connection.close(closeCodes.unauthenticated, reason)))
    )
  const closeAt = Effect.fnUntraced(function*(expiresAt: number) {
    const left = expiresAt - (yield* Clock.currentTimeMillis)
    yield* closeAfter(Math.min(Math.max(left, 0), LONGEST_TIMER_MILLIS), "the token has expired")
  })

  const admitted = Effect.fnUntraced(function*(who: Caller) {
    if (yield* Scope.provide(options.admit(who), sessionScope)) {
      caller = who
      return true
    }
    refuse("LIMIT", `You have ${limits.connectionsPerUser} sockets open already. Close one first.`)
    connection.close(closeCodes.tooManyMessages, "too many sockets of one user")
    return false
  })

  const authenticate = Effect.fnUntraced(function*(token: string) {
    if (options.authenticate === undefined) {
      // One client serves both modes: it waits for this before it subscribes.
      if (caller !== undefined || unchecked) return say({ type: "authenticated" })
      return refuse("UNAUTHENTICATED", "Tokens mean nothing here: who you are comes with the upgrade request.")
    }
    const found = yield* Effect.result(options.authenticate(token))
    if (Result.isFailure(found)) {
      return refuse("UNAUTHENTICATED", found.failure.detail ?? "The token does not hold. Get a new one.")
    }
    const { caller: verified, expiresAt } = found.success
    if (caller !== undefined && nameOf(caller) !== nameOf(verified)) {
      return connection.close(closeCodes.otherUser, "this socket is somebody else's")
    }
    if (caller === undefined && !(yield* admitted(verified))) return
    say({ type: "authenticated" })
    yield* closeAt(expiresAt)
  })

  const handle = Effect.fnUntraced(function*(text: string | undefined) {
    if (text === undefined) return refuse("INVALID", "Binary frames are not understood here: send text.")
    const decoded = readClientFrame(text)
    if (Result.isFailure(decoded)) return refuse("INVALID", decoded.failure.message, decoded.failure.about)
    const frame = decoded.success
    if (frame.type === "ping") return say({ type: "pong" })
    if (frame.type === "authenticate") return yield* authenticate(frame.token)
    if (caller === undefined && !unchecked) {
      const about = "orderId" in frame ? { orderId: frame.orderId } : { scope: frame.scope }
      return refuse("UNAUTHENTICATED", "Send {\"type\":\"authenticate\",\"token\":...} first.", about)
    }
    yield* frame.type === "subscribe" ? subscriptions.subscribe(frame) : subscriptions.unsubscribe(frame)
  })

  // Whoever came before this replica had found its place may have missed something; what they name, they are sent anew.
  const tail = yield* LiveTail
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      tail.listenToBeginnings(() =>
        connection.close(closeCodes.goingAway, "this replica begins to read: connect again and resume")
      )
    ),
    (stop) => Effect.sync(stop)
  )

  if (options.caller !== undefined) {
    yield* admitted(options.caller)
    if (options.expiresAt !== undefined) yield* closeAt(options.expiresAt)
  } else if (!unchecked) {
    yield* closeAfter(AUTHENTICATION_DEADLINE, "not authenticated within 10 seconds")
  }
  yield* Queue.take(inbox).pipe(Effect.flatMap(handle), Effect.forever, Effect.forkScoped)
  const clock = yield* Clock.Clock

  return {
    receive: (text) => {
      const now = clock.currentTimeMillisUnsafe()
      allowance = Math.min(burst, allowance + (now - countedAt) * limits.messagesPerSecond / 1_000) - 1
      countedAt = now
      if (allowance < 0) {
        return connection.close(closeCodes.tooManyMessages, "too many messages")
      }
      Queue.offerUnsafe(inbox, text)
    }
  } satisfies SocketSession
})

const nameOf = (caller: Caller): string =>
  caller._tag === "Customer" ? `customer:${caller.userId}` : `staff:${caller.id}`
