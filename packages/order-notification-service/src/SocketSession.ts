import type { Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import { closeCodes, type ServerFrame, type SocketErrorCode } from "@g-store/contracts/Socket.ts"
import { Effect, type Fiber, Result } from "effect"
import { readClientFrame } from "./ClientFrames.ts"
import { type Frame, serverFrame } from "./Frames.ts"
import type { LiveEvent } from "./LiveTail.ts"
import type { SessionsOptions, Surroundings } from "./SocketSessions.ts"
import { Subscriptions, type SubscriptionsOptions } from "./Subscriptions.ts"

/** The other end of a session: a WebSocket, or a client of the simulation. Neither call blocks or throws. */
export interface Connection {
  readonly send: (frame: Frame) => void
  readonly close: (code: number, reason: string) => void
}

/** What the upgrade request says. */
export interface SessionOptions {
  readonly connection: Connection
  /** Known by its headers. */
  readonly caller?: Caller | undefined
  /** Until when, in milliseconds since the epoch; for ever if absent. */
  readonly expiresAt?: number | undefined
  /** The client's address, which failures are counted by. */
  readonly address?: string | undefined
  /** Development with trusted headers and none sent: orders are served without asking whose they are. */
  readonly unchecked?: boolean | undefined
}

/** What may be said to a session from outside. */
export interface SocketSession {
  /** What the client sent: the text of a frame, or undefined for a frame that is no text. */
  readonly receive: (text: string | undefined) => void
  /** The connection is gone: nothing is worked on or listened to any more. */
  readonly end: () => void
}

export type Say = (
  frame: Exclude<typeof ServerFrame.Type, { readonly type: "order.status.changed" | "order.cancelled" }>
) => void
export type Refuse = (
  code: SocketErrorCode,
  message: string,
  about?: { readonly orderId?: OrderId; readonly scope?: "mine" | "all" }
) => void

const AUTHENTICATION_MILLIS = 10_000

/**
 * One socket's conversation. Frames are taken in order. While nothing is said it is this object and what is followed: no
 * fiber, no timer and no closure of its own, for those would be most of an idle socket's memory.
 */
export class Session implements SocketSession, SubscriptionsOptions {
  caller: Caller | undefined
  readonly unchecked: boolean
  /** When it is closed for want of a token that holds, in milliseconds since the epoch. */
  closesAt = Number.POSITIVE_INFINITY
  private readonly sessions: SessionsOptions & Surroundings
  private readonly connection: Connection
  private readonly address: string | undefined
  /** Frames behind the one that is being handled; undefined while none is. */
  private inbox: Array<string | undefined> | undefined
  private fibers: Set<Fiber.Fiber<void>> | undefined
  private subscriptions: Subscriptions | undefined
  private allowance: number
  private countedAt = 0
  private hasEnded = false

  constructor(sessions: SessionsOptions & Surroundings, { address, caller, connection, ...options }: SessionOptions) {
    this.sessions = sessions
    this.connection = connection
    this.address = address
    this.unchecked = options.unchecked === true
    this.allowance = this.burst
    sessions.open.add(this)
    if (caller !== undefined) {
      if (this.admit(caller) && options.expiresAt !== undefined) this.closeAt(options.expiresAt)
    } else if (!this.unchecked) this.closeAt(this.now + AUTHENTICATION_MILLIS)
  }

  get feed() {
    return this.sessions.feed
  }
  get tail() {
    return this.sessions.tail
  }
  get mostNamed() {
    return this.sessions.limits.subscriptions
  }

  receive(text: string | undefined): void {
    const { now } = this
    const earned = (now - this.countedAt) * this.sessions.limits.messagesPerSecond / 1_000
    this.allowance = Math.min(this.burst, this.allowance + earned) - 1
    this.countedAt = now
    if (this.allowance < 0) return this.connection.close(closeCodes.tooManyMessages, "too many messages")
    if (this.inbox !== undefined) return void this.inbox.push(text)
    const work = this.handle(text)
    if (work === undefined) return
    this.inbox = []
    this.fork(Effect.andThen(work, Effect.suspend(() => this.handleRest())))
  }

  /** The token is too old now, or none came in time. */
  expire(): void {
    this.closesAt = Number.POSITIVE_INFINITY
    const reason = this.caller === undefined ? "not authenticated within 10 seconds" : "the token has expired"
    this.connection.close(closeCodes.unauthenticated, reason)
  }

  /** Whoever came before this replica had found its place may have missed something; what they name, they are sent anew. */
  beginAnew(): void {
    this.connection.close(closeCodes.goingAway, "this replica begins to read: connect again and resume")
  }

  end(): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.sessions.open.delete(this)
    this.subscriptions?.end()
    for (const fiber of this.fibers ?? []) fiber.interruptUnsafe()
    if (this.caller !== undefined) this.sessions.admission.giveBack(this.caller)
  }

  fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    const { run } = this.sessions
    if (this.hasEnded) return run(Effect.void)
    const fiber = run(Effect.catchDefect(effect, (defect) => this.broken(defect)))
    if (fiber.pollUnsafe() !== undefined) return fiber
    this.fibers ??= new Set()
    this.fibers.add(fiber)
    fiber.addObserver(() => {
      this.fibers?.delete(fiber)
      if (this.fibers?.size === 0) this.fibers = undefined
    })
    return fiber
  }

  update(update: NonNullable<LiveEvent["update"]>): void {
    this.connection.send(this.sessions.updateFrame(update))
  }

  /** They are shown anew where the order stands when they resume, and told that they could not be told of all. */
  interrupted(orderId: OrderId): void {
    this.connection.close(closeCodes.goingAway, `a version of ${orderId} was left out: connect again and resume`)
  }

  say(frame: Parameters<Say>[0]): void {
    this.connection.send(serverFrame(frame))
  }

  refuse(...[code, message, about]: Parameters<Refuse>): void {
    this.say({ type: "error", data: { code, message, ...about } })
  }

  /** One who comes back asks for everything anew that they follow by name, all at once. */
  private get burst(): number {
    return this.sessions.limits.messagesPerSecond + this.sessions.limits.subscriptions
  }

  private get now(): number {
    return this.sessions.clock.currentTimeMillisUnsafe()
  }

  private closeAt(millis: number): void {
    this.closesAt = millis
    this.sessions.expect(millis)
  }

  private admit(caller: Caller): boolean {
    const { admission, limits } = this.sessions
    if (admission.take(caller)) {
      this.caller = caller
      return true
    }
    this.refuse("LIMIT", `You have ${limits.connectionsPerUser} sockets open already. Close one first.`)
    this.connection.close(closeCodes.tooManyMessages, "too many sockets of one user")
    return false
  }

  /** A client that is left waiting for ever would be worse off than one that has to come again. */
  private broken(defect: unknown): Effect.Effect<void> {
    this.connection.close(closeCodes.goingAway, "something unexpected happened here: connect again and resume")
    return Effect.logError("a socket was closed for an error that nothing expects", defect)
  }

  /** What came meanwhile, in order. */
  private handleRest(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      while (this.inbox !== undefined && this.inbox.length > 0) {
        const work = this.handle(this.inbox.shift())
        if (work !== undefined) yield* work
      }
      this.inbox = undefined
    })
  }

  /** What there is to wait for before the next frame is handled, if anything. */
  private handle(text: string | undefined): Effect.Effect<void> | undefined {
    try {
      return this.answer(text)
    } catch (defect) {
      return this.broken(defect)
    }
  }

  private answer(text: string | undefined): Effect.Effect<void> | undefined {
    if (text === undefined) return void this.refuse("INVALID", "Binary frames are not understood here: send text.")
    const decoded = readClientFrame(text)
    if (Result.isFailure(decoded)) return void this.refuse("INVALID", decoded.failure.message, decoded.failure.about)
    const frame = decoded.success
    if (frame.type === "ping") return void this.say({ type: "pong" })
    if (frame.type === "authenticate") return this.authenticate(frame.token)
    if (this.caller === undefined && !this.unchecked) {
      const about = "orderId" in frame ? { orderId: frame.orderId } : { scope: frame.scope }
      return void this.refuse("UNAUTHENTICATED", "Send {\"type\":\"authenticate\",\"token\":...} first.", about)
    }
    this.subscriptions ??= new Subscriptions(this)
    return frame.type === "subscribe" ? void this.subscriptions.subscribe(frame) : this.subscriptions.unsubscribe(frame)
  }

  private authenticate(token: string): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (this.sessions.authenticate === undefined) {
        // One client serves both modes: it waits for this before it subscribes.
        if (this.caller !== undefined || this.unchecked) return this.say({ type: "authenticated" })
        return this.refuse("UNAUTHENTICATED", "Tokens mean nothing here: who you are comes with the upgrade request.")
      }
      const found = yield* Effect.result(this.sessions.authenticate(token, this.address))
      if (Result.isFailure(found)) {
        return this.refuse("UNAUTHENTICATED", found.failure.detail ?? "The token does not hold. Get a new one.")
      }
      const { caller: verified, expiresAt } = found.success
      if (this.caller !== undefined && nameOf(this.caller) !== nameOf(verified)) {
        return this.connection.close(closeCodes.otherUser, "this socket is somebody else's")
      }
      if (this.caller === undefined && !this.admit(verified)) return
      this.say({ type: "authenticated" })
      this.closeAt(expiresAt)
    })
  }
}

const nameOf = (caller: Caller): string =>
  caller._tag === "Customer" ? `customer:${caller.userId}` : `staff:${caller.id}`
