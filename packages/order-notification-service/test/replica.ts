import { assert } from "@effect/vitest"
import type { Caller } from "@g-store/contracts/Actor.ts"
import { ServerFrame } from "@g-store/contracts/Socket.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Effect, Exit, Layer, Result, Schema, Scope } from "effect"
import { Feed, type FeedEvent } from "../src/Feed.ts"
import { FeedMemory } from "../src/FeedMemory.ts"
import { toUpdate } from "../src/FeedUpdates.ts"
import { makeUpdateFrames } from "../src/Frames.ts"
import { LiveTail } from "../src/LiveTail.ts"
import { defaultLimits, type SocketLimits } from "../src/SocketLimits.ts"
import { makeSessions } from "../src/SocketSessions.ts"
import { ada, bob, customer, staff } from "./fixtures.ts"

export const MemoryFeed = Layer.provide(FeedMemory, MemoryDatabase.layer)

type Read = "order" | "updates" | "newest" | "among"

/** Lets every other fiber run until none has anything to do but wait. */
export const settled = Effect.forEach(Array.from({ length: 100 }), () => Effect.yieldNow, { discard: true })

const callers: Readonly<Record<string, Caller>> = { ada: customer(ada), bob: customer(bob), staff }
const decodeFrame = Schema.decodeSync(Schema.fromJsonString(ServerFrame))
const decoder = new TextDecoder()

export interface ClientOptions {
  /** Authenticated by its upgrade request. */
  readonly as?: "ada" | "bob" | "staff"
  readonly unchecked?: boolean
  /** The upgrade request alone says who is there. */
  readonly trusted?: boolean
  readonly expiresAt?: number
  readonly limits?: Partial<SocketLimits>
  readonly full?: boolean
}

/**
 * One replica over the feed at hand. `before` stands between a session and its reads of the feed: it gets each read
 * once it is done, and its answer goes on when `before` ends.
 */
export const makeReplica = Effect.gen(function*() {
  const stored = yield* Feed
  const hub = yield* Effect.provide(LiveTail, Layer.fresh(LiveTail.layer))
  let listeners = 0
  let reads = 0
  let seats = 0
  let between: (read: Read) => Effect.Effect<void, DatabaseUnavailable> = () => Effect.void
  const counted = (stop: () => void) => {
    listeners++
    return () => {
      listeners--
      stop()
    }
  }
  const tail = LiveTail.of({
    ...hub,
    listenToOrder: (order, listener) => counted(hub.listenToOrder(order, listener)),
    listenToUser: (user, listener) => counted(hub.listenToUser(user, listener)),
    listenToAll: (listener) => counted(hub.listenToAll(listener))
  })
  const after = <A>(read: Read, effect: Effect.Effect<A, DatabaseUnavailable>) =>
    Effect.tap(effect, () => {
      reads++
      return between(read)
    })
  const feed = Feed.of({
    ...stored,
    order: (id) => after("order", stored.order(id)),
    updates: (id, version) => after("updates", stored.updates(id, version)),
    newest: (scope) => after("newest", stored.newest(scope)),
    among: (scope, ids) => after("among", stored.among(scope, ids))
  })
  const updateFrame = makeUpdateFrames()

  const push = (...events: ReadonlyArray<FeedEvent>) =>
    Effect.sync(() =>
      tail.publish(events.map((event) => {
        const { orderId, userId, version } = event
        return { orderId, userId, update: version === undefined ? undefined : toUpdate({ ...event, version }) }
      }))
    )
  const store = (...events: ReadonlyArray<FeedEvent>) => stored.append(events)

  const connect = (options: ClientOptions = {}) =>
    Effect.gen(function*() {
      const scope = yield* Effect.acquireRelease(Scope.make(), (own) => Scope.close(own, Exit.void))
      const frames: Array<typeof ServerFrame.Type> = []
      let closed: number | undefined
      const sessions = yield* makeSessions({
        limits: { ...defaultLimits, ...options.limits },
        updateFrame,
        admission: {
          take: () => {
            if (options.full === true) return false
            seats++
            return true
          },
          giveBack: () => void seats--
        },
        authenticate: options.trusted === true ? undefined : (token) => {
          const [name = "", expiry] = token.split("@")
          const caller = Object.hasOwn(callers, name) ? callers[name] : undefined
          return Effect.fromResult(
            caller === undefined
              ? Result.fail({ detail: "The token's signature does not verify." })
              : Result.succeed({ caller, expiresAt: expiry === undefined ? Number.MAX_SAFE_INTEGER : Number(expiry) })
          )
        }
      }).pipe(Effect.provideService(Feed, feed), Effect.provideService(LiveTail, tail), Scope.provide(scope))
      const session = sessions.open({
        connection: {
          send: (frame) => {
            const said = decodeFrame(typeof frame === "string" ? frame : decoder.decode(frame))
            if (closed === undefined) frames.push(said)
          },
          close: (code) => {
            closed ??= code
          }
        },
        ...(options.as === undefined ? {} : { caller: callers[options.as] }),
        expiresAt: options.expiresAt,
        unchecked: options.unchecked
      })

      return {
        /** Says it, and lets everything come of it that does not wait for time or a gate. */
        say: (...said: ReadonlyArray<object | string>) =>
          Effect.andThen(
            Effect.sync(() => {
              for (const one of said) session.receive(typeof one === "string" ? one : JSON.stringify(one))
            }),
            settled
          ),
        binary: Effect.andThen(Effect.sync(() => session.receive(undefined)), settled),
        /** What came since this was last looked at. */
        heard: Effect.map(settled, () => frames.splice(0).map(brief)),
        closed: () => closed,
        end: Effect.sync(() => session.end())
      }
    })

  return {
    /** Its consumer finds that another replica has come further. */
    begin: Effect.sync(tail.begin),
    connect,
    store,
    push,
    /** Stores and pushes, as a replica does with what it reads from the bus. */
    happen: (...events: ReadonlyArray<FeedEvent>) => Effect.andThen(store(...events), push(...events)),
    /** Runs `effect` after the next read of that kind, before the session gets its answer. */
    during: (wanted: Read, effect: Effect.Effect<void, DatabaseUnavailable>) =>
      Effect.sync(() => {
        between = (read) => {
          if (read !== wanted) return Effect.void
          between = () => Effect.void
          return effect
        }
      }),
    listeners: () => listeners,
    /** Places of callers that sessions have taken. */
    seats: () => seats,
    reads: () => reads
  }
})

/** A frame in short: `PAID 2`, `subscribed 2`, `error FORBIDDEN`; with the order's number where it is not the first. */
const brief = (frame: typeof ServerFrame.Type): string => {
  switch (frame.type) {
    case "order.status.changed":
      return `${frame.data.status} ${frame.data.version}${of(frame.data.orderId)}`
    case "order.cancelled":
      return `CANCELLED ${frame.data.version}${of(frame.data.orderId)}`
    case "subscribed": {
      if ("orderId" in frame.data) {
        const { orderId, oldestVersion, resumed, version } = frame.data
        const from = oldestVersion === 1 ? "" : ` from ${oldestVersion}`
        return `subscribed ${version}${of(orderId)}${from}${resumed === false ? " not resumed" : ""}`
      }
      const orders = frame.data.orders.map((order) =>
        `${Number.parseInt(order.orderId.slice(-12), 16)}:${order.version}${order.resumed === false ? "!" : ""}`
      )
      return `subscribed ${frame.data.scope} ${orders.join(" ")}`.trimEnd()
    }
    case "unsubscribed":
      return `unsubscribed ${frame.data.scope ?? "order"}`
    case "error":
      return `error ${frame.data.code}`
    default:
      return frame.type
  }
}
const of = (id: string): string => id.endsWith("000000000001") ? "" : ` of ${Number.parseInt(id.slice(-12), 16)}`

/** The code of a client's close. */
export const assertClosed = (client: { readonly closed: () => number | undefined }, code: number) =>
  assert.strictEqual(client.closed(), code)
