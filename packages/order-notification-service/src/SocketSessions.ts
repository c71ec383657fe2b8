import type { Caller } from "@g-store/contracts/Actor.ts"
import type { Verified } from "@g-store/service-kit/TokenVerifier.ts"
import { Clock, Effect, type Fiber, FiberSet } from "effect"
import { Feed } from "./Feed.ts"
import type { Frame } from "./Frames.ts"
import { type LiveEvent, LiveTail } from "./LiveTail.ts"
import type { SocketLimits } from "./SocketLimits.ts"
import { Session, type SessionOptions, type SocketSession } from "./SocketSession.ts"

/** Places for the sockets of each caller. */
export interface Admission {
  /** Takes a place; false when the caller has no more. */
  readonly take: (caller: Caller) => boolean
  readonly giveBack: (caller: Caller) => void
}

/** What the sessions of a replica have in common. */
export interface SessionsOptions {
  readonly limits: SocketLimits
  readonly updateFrame: (update: NonNullable<LiveEvent["update"]>) => Frame
  /**
   * Who a token stands for, or what to tell its bearer at that address; undefined where tokens mean nothing, because the
   * upgrade request alone says who is there.
   */
  readonly authenticate:
    | ((
      token: string,
      address: string | undefined
    ) => Effect.Effect<Verified, { readonly detail?: string | undefined }>)
    | undefined
  readonly admission: Admission
}

/** What a session works with. */
export interface Surroundings {
  readonly feed: Feed["Service"]
  readonly tail: LiveTail["Service"]
  readonly clock: Clock.Clock
  readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly open: Set<Session>
  /** Tells that a session is to be closed at this moment, in milliseconds since the epoch. */
  readonly expect: (millis: number) => void
}

/** Timers hold 24 days at most. */
const LONGEST_TIMER_MILLIS = 2_000_000_000
/** Each look goes over all sessions: however many of them expire one after another, no look is sooner after the last. */
const LEAST_MILLIS = 50

/** The sessions of a replica: one timer for all their deadlines, one listener, one set of fibers. */
export const makeSessions = Effect.fnUntraced(function*(options: SessionsOptions) {
  const clock = yield* Clock.Clock
  const tail = yield* LiveTail
  const feed = yield* Feed
  const run = yield* FiberSet.makeRuntime<never, void, never>()
  const open = new Set<Session>()

  yield* Effect.acquireRelease(
    Effect.sync(() => tail.listenToBeginnings(() => open.forEach((session) => session.beginAnew()))),
    (stop) =>
      Effect.sync(() => {
        stop()
        for (const session of open) session.end()
      })
  )

  let timer: Fiber.Fiber<void> | undefined
  let looksAt = Number.POSITIVE_INFINITY
  let lookedAt = Number.NEGATIVE_INFINITY
  const look = Effect.sync(() => {
    timer = undefined
    looksAt = Number.POSITIVE_INFINITY
    lookedAt = clock.currentTimeMillisUnsafe()
    let next = Number.POSITIVE_INFINITY
    for (const session of open) {
      if (session.closesAt <= lookedAt) session.expire()
      next = Math.min(next, session.closesAt)
    }
    expect(next)
  })
  const expect = (millis: number): void => {
    if (millis >= looksAt) return
    looksAt = Math.max(millis, lookedAt + LEAST_MILLIS)
    const wait = Math.max(0, looksAt - clock.currentTimeMillisUnsafe())
    timer?.interruptUnsafe()
    timer = run(Effect.delay(look, Math.min(wait, LONGEST_TIMER_MILLIS)))
  }

  const own: SessionsOptions & Surroundings = { ...options, clock, expect, feed, open, run, tail }
  return {
    /** Begins a conversation. It lives until it is ended. */
    open: (opening: SessionOptions): SocketSession => new Session(own, opening)
  }
})
