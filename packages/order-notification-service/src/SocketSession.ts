import type { Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import { ClientFrame, closeCodes, ServerFrame, type SocketErrorCode } from "@g-store/contracts/Socket.ts"
import type { Verified } from "@g-store/service-kit/TokenVerifier.ts"
import { Clock, Effect, FiberHandle, FiberMap, Queue, Result, Schedule, Schema, Scope } from "effect"
import { makeCursors } from "./Cursors.ts"
import { Feed, type FeedOrder, type FeedScope } from "./Feed.ts"
import { type Frame, serverFrame } from "./Frames.ts"
import { type LiveEvent, LiveTail } from "./LiveTail.ts"
import type { SocketLimits } from "./SocketLimits.ts"

/** The other end of a session: a WebSocket, or a client of the simulation. Neither call blocks or throws. */
export interface Connection {
  readonly send: (frame: Frame) => void
  readonly close: (code: number, reason: string) => void
}

export interface SessionOptions {
  readonly connection: Connection
  readonly limits: SocketLimits
  readonly updateFrame: (update: NonNullable<LiveEvent["update"]>) => Frame
  /** Who a token stands for, or what to tell its bearer. */
  readonly authenticate: (token: string) => Effect.Effect<Verified, { readonly detail?: string | undefined }>
  /** Known from the upgrade request, by its headers. */
  readonly caller?: Caller | undefined
  /** Takes one of the caller's sockets, for as long as the session lives; false when they have enough. */
  readonly admit: (caller: Caller) => Effect.Effect<boolean, never, Scope.Scope>
  /** Development with trusted headers and none sent: orders are served without asking whose they are. */
  readonly unchecked?: boolean | undefined
}

/** What may be said to a session from outside. */
export interface SocketSession {
  /** A text frame; anything else is told apart by the edge. */
  readonly receive: (text: string) => void
  readonly refuse: (code: SocketErrorCode, message: string) => void
}

const AUTHENTICATION_DEADLINE = "10 seconds"
/** Clients subscribe right after the 201; the order's first event may still be on its way for this long. */
const ARRIVAL_DEADLINE_MILLIS = 10_000

const decodeFrame = Schema.decodeUnknownResult(Schema.fromJsonString(ClientFrame))
type Subscribe = Extract<ClientFrame, { readonly type: "subscribe" }>

/**
 * One socket's conversation. Frames are taken in order; subscriptions are worked on side by side, so that one that waits
 * for its order holds up no other. Ends with its scope.
 */
export const makeSession = Effect.fnUntraced(function*(options: SessionOptions) {
  const { connection, limits } = options
  const feed = yield* Feed
  const tail = yield* LiveTail
  const cursors = yield* makeCursors(feed, (update) => connection.send(options.updateFrame(update)))
  const inbox = yield* Queue.unbounded<string>()
  const deadline = yield* FiberHandle.make<void, never>()
  const pending = yield* FiberMap.make<string, void, never>()
  const stops = new Map<string, () => void>()
  yield* Effect.addFinalizer(() => Effect.sync(() => stops.forEach((stop) => stop())))

  const scope = yield* Effect.scope
  let caller = options.caller
  let windowStart = 0
  let received = 0

  const say = (frame: Exclude<typeof ServerFrame.Type, { readonly type: "order.status.changed" | "order.cancelled" }>) =>
    connection.send(serverFrame(frame))
  const refuse = (code: SocketErrorCode, message: string, about: { readonly orderId?: OrderId; readonly scope?: "mine" | "all" } = {}) =>
    say({ type: "error", data: { code, message, ...about } })
  const closeAfter = (duration: Parameters<typeof Effect.sleep>[0], reason: string) =>
    FiberHandle.run(
      deadline,
      Effect.andThen(Effect.sleep(duration), Effect.sync(() => connection.close(closeCodes.unauthenticated, reason)))
    )

  const listen = (key: string, start: () => () => void): void => {
    stops.get(key)?.()
    stops.set(key, start())
  }
  const unlisten = (key: string): void => {
    stops.get(key)?.()
    stops.delete(key)
  }
  const scopeCovers = (userId: string): boolean =>
    stops.has("all") || (stops.has("mine") && caller?._tag === "Customer" && caller.userId === userId)
  const onEvent = (event: LiveEvent) => cursors.deliver(event, scopeCovers(event.userId))

  const admitted = Effect.fnUntraced(function*(who: Caller) {
    if (yield* Scope.provide(options.admit(who), scope)) return true
    refuse("LIMIT", `You have ${limits.connectionsPerUser} sockets open already. Close one first.`)
    connection.close(closeCodes.slowConsumer, "too many sockets of one user")
    return false
  })

  const authenticate = Effect.fnUntraced(function*(token: string) {
    const found = yield* Effect.result(options.authenticate(token))
    if (Result.isFailure(found)) {
      return refuse("UNAUTHENTICATED", found.failure.detail ?? "The token does not hold. Get a new one.")
    }
    const { caller: verified, expiresAt } = found.success
    if (caller !== undefined && nameOf(caller) !== nameOf(verified)) {
      return connection.close(closeCodes.otherUser, "this socket is somebody else's")
    }
    if (caller === undefined && !(yield* admitted(verified))) return
    caller = verified
    say({ type: "authenticated" })
    const left = expiresAt - (yield* Clock.currentTimeMillis)
    // Timers hold 24 days at most; a token of more than that is renewed before.
    yield* closeAfter(Math.min(Math.max(left, 0), 2_000_000_000), "the token has expired")
  })

  const mayFollow = (order: FeedOrder): boolean =>
    options.unchecked === true || caller?._tag === "Staff" || (caller?._tag === "Customer" && caller.userId === order.userId)

  /** The order once the feed has it; undefined when it does not come in time. */
  const arrival = Effect.fnUntraced(function*(orderId: OrderId) {
    const until = (yield* Clock.currentTimeMillis) + ARRIVAL_DEADLINE_MILLIS
    for (let wait = 5;; wait = Math.min(500, wait * 2)) {
      const order = yield* feed.order(orderId)
      if (order !== undefined || (yield* Clock.currentTimeMillis) >= until) return order
      yield* Effect.sleep(wait)
    }
  })

  const subscribeOrder = Effect.fnUntraced(function*({ afterVersion, orderId }: Extract<Subscribe, { readonly orderId: OrderId }>) {
    if (!cursors.isNamed(orderId) && cursors.named() >= limits.subscriptions) {
      return refuse("LIMIT", `A socket follows at most ${limits.subscriptions} orders. Unsubscribe from some, or subscribe to a scope.`, { orderId })
    }
    const order = yield* arrival(orderId)
    if (order === undefined) return refuse("ORDER_NOT_FOUND", `There is no order ${orderId}.`, { orderId })
    if (!mayFollow(order)) return refuse("FORBIDDEN", "This order is not yours.", { orderId })
    const lost = afterVersion !== undefined && afterVersion + 1 < order.oldestVersion
    const { oldestVersion, status, version } = order
    listen(orderId, () => tail.listenToOrder(orderId, onEvent))
    say({ type: "subscribed", data: { orderId, status, version, oldestVersion, ...(lost ? { resumed: false } : {}) } })
    cursors.open(orderId, lost ? version : afterVersion ?? version, { named: true, resume: afterVersion !== undefined && !lost })
  })

  const subscribeScope = Effect.fnUntraced(function*({ scope, versions = {} }: Extract<Subscribe, { readonly scope: "mine" | "all" }>) {
    const asked = Object.entries(versions)
    if (asked.length > 200) return refuse("LIMIT", "versions names more than 200 orders. Name the newest.", { scope })
    const within: FeedScope | undefined = scope === "all"
      ? caller?._tag === "Staff" ? { _tag: "All" } : undefined
      : caller?._tag === "Customer" ? { _tag: "Mine", userId: caller.userId } : undefined
    if (within === undefined) {
      return refuse("FORBIDDEN", scope === "all" ? "Only staff follow all orders." : "Only customers have orders of their own.", { scope })
    }
    // Listening begins before the snapshot is read: what comes in between is in the feed, and each cursor looks there.
    const early: Array<LiveEvent> = []
    let reading = true
    const hear = (event: LiveEvent) => reading ? void early.push(event) : onEvent(event)
    listen(scope, () => within._tag === "All" ? tail.listenToAll(hear) : tail.listenToUser(within.userId, hear))
    const newest = yield* feed.newest(within)
    const resumed = asked.length === 0 ? [] : yield* feed.among(within, Object.keys(versions).filter(isOrderId))
    say({
      type: "subscribed",
      data: { scope, orders: newest.map(({ orderId, status, version }) => ({ orderId, status, version })) }
    })
    const named = new Map(asked)
    const known = new Map([...newest, ...resumed].map((order) => [order.orderId, order]))
    for (const order of known.values()) {
      const after = named.get(order.orderId)
      const resume = after !== undefined && after + 1 >= order.oldestVersion
      cursors.open(order.orderId, resume ? after : order.version, { named: false, resume })
    }
    reading = false
    early.forEach(onEvent)
  })

  const handle = Effect.fnUntraced(function*(text: string) {
    const decoded = decodeFrame(text)
    if (Result.isFailure(decoded)) {
      return refuse("INVALID", "This is not a frame that can be read: send JSON as asyncapi.json describes it.")
    }
    const frame = decoded.success
    if (frame.type === "ping") return say({ type: "pong" })
    if (frame.type === "authenticate") return yield* authenticate(frame.token)
    const about = "orderId" in frame ? { orderId: frame.orderId } : { scope: frame.scope }
    if (caller === undefined && options.unchecked !== true) {
      return refuse("UNAUTHENTICATED", "Send {\"type\":\"authenticate\",\"token\":...} first.", about)
    }
    const key = "orderId" in frame ? frame.orderId : frame.scope
    if (frame.type === "unsubscribe") {
      yield* FiberMap.remove(pending, key)
      unlisten(key)
      if ("orderId" in frame) cursors.close(frame.orderId, stops.has("mine") || stops.has("all"))
      else if (!stops.has("mine") && !stops.has("all")) cursors.closeUnnamed()
      return say({ type: "unsubscribed", data: about })
    }
    const work = "orderId" in frame ? subscribeOrder(frame) : subscribeScope(frame)
    yield* FiberMap.run(
      pending,
      key,
      work.pipe(Effect.retry({ schedule: Schedule.spaced("500 millis"), while: (error) => error._tag === "DatabaseUnavailable" }), Effect.orDie, Effect.asVoid)
    )
  })

  if (caller !== undefined && !(yield* admitted(caller))) return yield* Effect.never
  if (caller === undefined && options.unchecked !== true) {
    yield* closeAfter(AUTHENTICATION_DEADLINE, "not authenticated within 10 seconds")
  }
  yield* Queue.take(inbox).pipe(Effect.flatMap(handle), Effect.forever, Effect.forkScoped)
  const clock = yield* Clock.Clock

  return {
    refuse,
    receive: (text) => {
      const now = clock.currentTimeMillisUnsafe()
      if (now - windowStart >= 1_000) {
        windowStart = now
        received = 0
      }
      if (++received > limits.messagesPerSecond) return connection.close(closeCodes.tooManyMessages, "too many messages")
      Queue.offerUnsafe(inbox, text)
    }
  } satisfies SocketSession
})

const nameOf = (caller: Caller): string => caller._tag === "Customer" ? `customer:${caller.userId}` : `staff:${caller.id}`
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const isOrderId = (id: string): id is OrderId => uuid.test(id)
