import type { Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { ClientFrame } from "@g-store/contracts/Socket.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Clock, Effect, FiberMap, Latch, Schedule } from "effect"
import { makeCursors } from "./Cursors.ts"
import { Feed, type FeedOrder, type FeedScope } from "./Feed.ts"
import { type LiveEvent, LiveTail } from "./LiveTail.ts"
import type { Refuse, Say } from "./SocketSession.ts"

export interface SubscriptionsOptions {
  readonly say: Say
  readonly refuse: Refuse
  readonly update: (update: NonNullable<LiveEvent["update"]>) => void
  /** Who is at the other end by now. */
  readonly caller: () => Caller | undefined
  /** Whose orders they are is not asked. */
  readonly unchecked: boolean
  /** Orders that may be followed by name. */
  readonly most: number
}

type Subscribe = Extract<ClientFrame, { readonly type: "subscribe" }>
type SubscribeOrder = Extract<Subscribe, { readonly orderId: OrderId }>
type SubscribeScope = Extract<Subscribe, { readonly scope: "mine" | "all" }>
type Unsubscribe = Extract<ClientFrame, { readonly type: "unsubscribe" }>

/** Clients subscribe right after the 201; the order's first event may still be on its way for this long. */
const ARRIVAL_MILLIS = 10_000
const FIRST_LOOK_MILLIS = 100
/**
 * How often a snapshot is read again when another subscription was sent more meanwhile: going on from before that would
 * send it twice.
 */
const LOOKS = 3
/** The most orders that `versions` of a scope names. */
const RESUMED = 200

const patiently = <A>(effect: Effect.Effect<A, DatabaseUnavailable>): Effect.Effect<A> =>
  effect.pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)

/** What one socket follows. Subscriptions are worked on side by side; all of it ends with the scope. */
export const makeSubscriptions = Effect.fnUntraced(function*(options: SubscriptionsOptions) {
  const { refuse, say } = options
  const feed = yield* Feed
  const tail = yield* LiveTail
  const cursors = yield* makeCursors(feed, options.update)
  const pending = yield* FiberMap.make<string, void, never>()
  const stops = new Map<string, () => void>()
  const begun = new Set<string>()
  yield* Effect.addFinalizer(() => Effect.sync(() => stops.forEach((stop) => stop())))

  const unlisten = (key: string): void => {
    stops.get(key)?.()
    stops.delete(key)
    begun.delete(key)
  }
  const mayFollow = (userId: string): boolean => {
    const caller = options.caller()
    return options.unchecked || caller?._tag === "Staff" || (caller?._tag === "Customer" && caller.userId === userId)
  }
  const covered = (userId: string): boolean => begun.has("all") || (begun.has("mine") && mayFollow(userId))
  const isBehind = ({ orderId, version }: FeedOrder): boolean => version < (cursors.last(orderId) ?? 0)
  const onEvent = (event: LiveEvent) => cursors.deliver(event, covered(event.userId))

  /**
   * Listens from now on, but keeps what is heard until `begin`: so whatever a read of the feed afterwards does not show
   * is heard.
   */
  const listen = (key: string, start: (listener: (event: LiveEvent) => void) => () => void) => {
    const early: Array<LiveEvent> = []
    const heard = Latch.makeUnsafe(false)
    let began = false
    unlisten(key)
    const stop = start((event) => {
      if (began) return onEvent(event)
      early.push(event)
      heard.openUnsafe()
    })
    stops.set(key, stop)
    const begin = () => {
      began = true
      begun.add(key)
      for (const event of early.splice(0)) onEvent(event)
    }
    return { begin, heard }
  }

  /** The order once the feed has it; undefined when it does not come in time. */
  const arrival = Effect.fnUntraced(function*(orderId: OrderId, heard: Latch.Latch) {
    const until = (yield* Clock.currentTimeMillis) + ARRIVAL_MILLIS
    for (let wait = FIRST_LOOK_MILLIS;; wait *= 2) {
      heard.closeUnsafe()
      const order = yield* patiently(feed.order(orderId))
      const left = until - (yield* Clock.currentTimeMillis)
      if (order !== undefined || left <= 0) return order
      // What is heard is in the feed. Looking now and then helps where this replica's consumer is behind.
      yield* Effect.raceFirst(heard.await, Effect.sleep(Math.min(wait, left)))
    }
  })

  const subscribeOrder = Effect.fnUntraced(function*({ afterVersion, orderId }: SubscribeOrder) {
    const followed = cursors.isNamed(orderId)
    const { begin, heard } = listen(orderId, (listener) => tail.listenToOrder(orderId, listener))
    let order = yield* arrival(orderId, heard)
    for (let nth = 0; nth < LOOKS && order !== undefined && isBehind(order); nth++) {
      order = (yield* patiently(feed.order(orderId))) ?? order
    }
    if (order === undefined || !mayFollow(order.userId)) {
      if (followed) begin()
      else unlisten(orderId)
      return order === undefined
        ? refuse("ORDER_NOT_FOUND", `There is no order ${orderId}.`, { orderId })
        : refuse("FORBIDDEN", "This order is not yours.", { orderId })
    }
    const { oldestVersion, status, version } = order
    const lost = isLost(afterVersion, order)
    say({ type: "subscribed", data: { orderId, status, version, oldestVersion, ...(lost ? { resumed: false } : {}) } })
    cursors.open(orderId, { after: lost ? version : afterVersion ?? version, version, by: "name" })
    begin()
  })

  const subscribeScope = Effect.fnUntraced(function*({ scope, versions = {} }: SubscribeScope) {
    const caller = options.caller()
    const within: FeedScope | undefined = scope === "all"
      ? caller?._tag === "Staff" ? { _tag: "All" } : undefined
      : caller?._tag === "Customer"
      ? { _tag: "Mine", userId: caller.userId }
      : undefined
    if (within === undefined) {
      const message = scope === "all" ? "Only staff follow all orders." : "Only customers have orders of their own."
      return refuse("FORBIDDEN", message, { scope })
    }
    const named = new Map(Object.entries(versions).map(([id, version]) => [id.toLowerCase(), version]))
    const ids = [...named.keys()].filter(isOrderId)
    if (named.size > RESUMED) {
      return refuse("LIMIT", `versions names more than ${RESUMED} orders. Name the newest.`, { scope })
    }
    if (ids.length < named.size) return refuse("INVALID", "versions maps order ids to versions.", { scope })

    const { begin } = listen(
      scope,
      (listener) => within._tag === "All" ? tail.listenToAll(listener) : tail.listenToUser(within.userId, listener)
    )
    const [newest, resumed] = yield* Effect.all([
      patiently(feed.newest(within)),
      ids.length === 0 ? Effect.succeed([]) : patiently(feed.among(within, ids))
    ]).pipe(Effect.onInterrupt(() => Effect.sync(begin)))
    // `among` was read last, so where an order is in both it knows more; the lost ones are shown wherever they stand.
    const known = new Map([...newest, ...resumed].map((order) => [order.orderId, order]))
    for (let nth = 0; nth < LOOKS; nth++) {
      const behind = [...known.values()].filter(isBehind).map(({ orderId }) => orderId)
      if (behind.length === 0) break
      const again = yield* patiently(feed.among(within, behind)).pipe(Effect.onInterrupt(() => Effect.sync(begin)))
      for (const order of again) known.set(order.orderId, order)
    }
    const lost = new Set(
      [...known.values()].filter((order) => isLost(named.get(order.orderId), order)).map(({ orderId }) => orderId)
    )
    const shown = new Set([...newest.map(({ orderId }) => orderId), ...lost])
    say({
      type: "subscribed",
      data: {
        scope,
        orders: [...known.values()].filter(({ orderId }) => shown.has(orderId)).map(({ orderId, status, version }) => ({
          orderId,
          status,
          version,
          ...(lost.has(orderId) ? { resumed: false } : {})
        }))
      }
    })
    for (const { orderId, version } of known.values()) {
      const after = lost.has(orderId) ? version : named.get(orderId) ?? version
      cursors.open(orderId, { after, version, by: "scope" })
    }
    begin()
  })

  return {
    subscribe: Effect.fnUntraced(function*(frame: Subscribe) {
      if ("scope" in frame) return yield* FiberMap.run(pending, frame.scope, Effect.asVoid(subscribeScope(frame)))
      const { orderId } = frame
      if (!cursors.isNamed(orderId) && cursors.named() + (yield* FiberMap.size(pending)) >= options.most) {
        const message =
          `A socket follows at most ${options.most} orders. Unsubscribe from some, or subscribe to a scope.`
        return refuse("LIMIT", message, { orderId })
      }
      yield* FiberMap.run(pending, orderId, Effect.asVoid(subscribeOrder(frame)))
    }),
    unsubscribe: Effect.fnUntraced(function*(frame: Unsubscribe) {
      const key = "orderId" in frame ? frame.orderId : frame.scope
      yield* FiberMap.remove(pending, key)
      unlisten(key)
      const byScope = stops.has("mine") || stops.has("all")
      if ("orderId" in frame) cursors.close(frame.orderId, byScope)
      else if (!byScope) cursors.closeUnnamed()
      say({
        type: "unsubscribed",
        data: "orderId" in frame ? { orderId: frame.orderId } : { scope: frame.scope }
      })
    })
  }
})

/** Behind what is kept, or ahead of what ever was: either way the promise can only begin at the snapshot. */
const isLost = (after: number | undefined, { oldestVersion, version }: FeedOrder): boolean =>
  after !== undefined && (after + 1 < oldestVersion || after > version)

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const isOrderId = (id: string): id is OrderId => uuid.test(id)
