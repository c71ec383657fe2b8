import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Layer } from "effect"
import { event, orderId } from "./fixtures.ts"
import { makeReplica, MemoryFeed } from "./replica.ts"

type Step = "event" | "name" | "scope"
type Read = "order" | "updates" | "newest" | "among" | undefined

interface Plan {
  readonly steps: ReadonlyArray<Step>
  /** The version that each subscription names. */
  readonly name: number | undefined
  readonly scope: number | undefined
  /** One more event comes after this read of the feed, before the session knows its answer. */
  readonly during: Read
}

/** Every order of three events, a subscription by name and one of the scope. */
const events: ReadonlyArray<Step> = ["event", "event", "event"]
const orders = ([["name", "scope"], ["scope", "name"]] as const).flatMap(([first, second]) =>
  [0, 1, 2, 3].flatMap((one) =>
    [0, 1, 2, 3].filter((two) => two >= one).map((two): ReadonlyArray<Step> => [
      ...events.slice(0, one),
      first,
      ...events.slice(one, two),
      second,
      ...events.slice(two)
    ])
  )
)

const named = [undefined, 0, 1, 3]
const plans = orders.flatMap((steps) =>
  named.flatMap((name) =>
    named.flatMap((scope) =>
      ([undefined, "order", "updates", "newest", "among"] as const).map((during): Plan => ({
        steps,
        name,
        scope,
        during
      }))
    )
  )
)

/** What each of the two subscriptions is sent, as one who knows where it began reads it off the socket's frames. */
const readOff = (frames: ReadonlyArray<string>, plan: Plan) => {
  const seen = { name: [] as Array<number>, scope: [] as Array<number> }
  const last: { name?: number; scope?: number } = {}
  const begin = { name: -1, scope: -1 }
  const wire: Array<number> = []
  for (const frame of frames) {
    const version = Number(/(\d+)(?: not resumed|!)?$/.exec(frame)?.[1])
    if (frame.startsWith("subscribed")) {
      const by = frame.startsWith("subscribed mine") ? "scope" : "name"
      const isLost = /not resumed|!/.test(frame)
      begin[by] = last[by] = isLost ? version : plan[by] ?? version
    } else {
      wire.push(version)
      for (const by of ["name", "scope"] as const) {
        const before = last[by]
        if (before === undefined || version <= before) continue
        seen[by].push(version)
        last[by] = version
      }
    }
  }
  return { begin, seen, wire }
}

/** Everything that one socket is sent while the plan happens, and the order's version at the end. */
const played = Effect.fnUntraced(
  function*(plan: Plan) {
    const replica = yield* makeReplica
    yield* replica.happen(event(1, 1))
    const client = yield* replica.connect({ as: "ada" })
    let version = 1
    const next = Effect.suspend(() => replica.happen(event(1, ++version)))
    if (plan.during !== undefined) yield* replica.during(plan.during, next)
    for (const step of plan.steps) {
      if (step === "event") yield* next
      else if (step === "name") {
        const after = plan.name === undefined ? {} : { afterVersion: plan.name }
        yield* client.say({ type: "subscribe", orderId: orderId(1), ...after })
      } else {
        const versions = plan.scope === undefined ? {} : { versions: { [orderId(1)]: plan.scope } }
        yield* client.say({ type: "subscribe", scope: "mine", ...versions })
      }
    }
    yield* next
    return { frames: yield* client.heard, version }
  },
  Effect.scoped,
  Effect.provide(Layer.fresh(MemoryFeed))
)

describe("two subscriptions that cover one order", () => {
  it.effect(
    `each see every version after the one they named or were shown, in ${plans.length} orders of events`,
    () =>
      Effect.forEach(plans, (plan) =>
        Effect.gen(function*() {
          const { frames, version } = yield* played(plan)
          const said = `${JSON.stringify(plan)}: ${frames.join(", ")}`
          const { begin, seen, wire } = readOff(frames, plan)
          for (const by of ["name", "scope"] as const) {
            assert.isAtLeast(begin[by], 0, said)
            const expected = Array.range(1, version).filter((one) => one > begin[by])
            assert.deepStrictEqual(seen[by], expected, `${by} of ${said}`)
          }
          // Nothing comes again but what a subscription asked for by naming a version from before.
          const asked = Math.min(plan.name ?? Infinity, plan.scope ?? Infinity)
          const again = wire.filter((one, nth) => wire.indexOf(one) < nth)
          assert.isTrue(again.every((one) => one > asked), said)
          assert.strictEqual(new Set(again).size, again.length, said)
        }), { discard: true }),
    60_000
  )
})
