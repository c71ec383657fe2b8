import type { Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import { Subscriptions } from "@g-store/order-notification-service/Subscriptions.ts"
import { Array as Arr, Effect, FiberSet, Latch } from "effect"
import type { Rig } from "./Rig.ts"

/** What one subscriber was shown and told. */
interface Follower {
  readonly id: OrderId
  /** The version that it was shown, or named where its events go on from there. */
  from: number | undefined
  readonly told: Array<number>
  refused: string | undefined
}

/** Subscribers, each on a socket of its own, of whom every one must be told each version after its first, once, in order. */
export const makeFollowers = ({ feed, tail }: Rig) => {
  const all: Array<Follower> = []
  const news = Latch.makeUnsafe(false)

  const follow = Effect.fnUntraced(function*(caller: Caller, id: OrderId, after: number | undefined) {
    const follower: Follower = { id, from: undefined, told: [], refused: undefined }
    all.push(follower)
    const fork = yield* FiberSet.makeRuntime<never, void, never>()
    const subscriptions = new Subscriptions({
      feed,
      tail,
      fork,
      say: (frame) => {
        if (frame.type === "subscribed" && "orderId" in frame.data) {
          const { resumed, version } = frame.data
          follower.from = resumed === false ? version : after ?? version
        }
        news.openUnsafe()
      },
      refuse: (code) => {
        follower.refused = code
        news.openUnsafe()
      },
      update: ({ data }) => {
        follower.told.push(data.version)
        news.openUnsafe()
      },
      interrupted: () => {
        follower.refused = "a version will never come"
        news.openUnsafe()
      },
      caller,
      unchecked: false,
      mostNamed: 10
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => subscriptions.end()))
    subscriptions.subscribe({
      type: "subscribe",
      orderId: id,
      ...(after === undefined ? {} : { afterVersion: after })
    })
  })

  /** Waits until everybody has been told of the last version (or of more than there is). */
  const caughtUp = (versionOf: (id: OrderId) => number) =>
    Effect.suspend(() => {
      news.closeUnsafe()
      const waits = all.some(({ from, id, refused, told }) =>
        refused === undefined && (from === undefined || (told.at(-1) ?? from) < versionOf(id))
      )
      return waits ? Effect.as(news.await, true) : Effect.succeed(false)
    }).pipe(Effect.repeat({ while: (waits) => waits }), Effect.timeoutOption("5 seconds"))

  const faults = (versionOf: (id: OrderId) => number): ReadonlyArray<string> =>
    all.flatMap(({ from, id, refused, told }) => {
      if (refused !== undefined) return [`a subscriber was refused: ${refused}`]
      if (from === undefined) return ["a subscriber was never answered"]
      const due = from < versionOf(id) ? Arr.range(from + 1, versionOf(id)) : []
      return told.join() === due.join() ? [] : [`a subscriber was to be told of [${due}], and was of [${told}]`]
    })

  return { follow, caughtUp, faults }
}
