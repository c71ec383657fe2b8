import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { membership } from "./fixtures/BusMember.ts"
import { type Asked, playedBus, playedCluster, TOPIC } from "./fixtures/PlayedCluster.ts"

/** A member that gives up after a second, of a group that reads a partition of each of two brokers. */
const setting = Effect.fnUntraced(function*(onAsked: (asked: Asked) => void) {
  const cluster = yield* playedCluster({ leaders: [1, 2], onAsked: (asked) => setTimeout(onAsked, 10, asked) })
  const member = yield* membership({ topics: [TOPIC], group: "group" }, ({ acknowledge }) => acknowledge).pipe(
    Effect.provide(playedBus(2, { groupTimeout: "1 second" })),
    Effect.flip,
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() => Effect.sync(cluster.end))
  return { cluster, member }
})

describe("a member of a group", () => {
  it.live("fails when one of its brokers answers nothing, though the others do", () =>
    Effect.gen(function*() {
      const { member } = yield* setting(({ answer, node, refuse }) => node === 2 ? refuse("no answer") : answer({}))
      const { cause } = yield* Fiber.join(member)
      assert.include(String(cause), "nothing was fetched as a member of group")
    }).pipe(Effect.scoped))

  it.live("stays when a broker answers now and then", () =>
    Effect.gen(function*() {
      let asked = 0
      const { member } = yield* setting(({ answer, node, refuse }) =>
        node === 2 && ++asked % 3 > 0 ? refuse("no answer") : answer({})
      )
      yield* Effect.sleep("1500 millis")
      assert.isUndefined(member.pollUnsafe())
      assert.isAbove(asked, 3)
    }).pipe(Effect.scoped))

  it.live("stays when a broker that answered nothing has left", () =>
    Effect.gen(function*() {
      const { cluster, member } = yield* setting(({ answer, node, refuse }) => {
        if (node === 1) return answer({})
        cluster.leaders[1] = 1
        cluster.nodes.delete(2)
        return refuse("no answer")
      })
      yield* Effect.sleep("1500 millis")
      assert.isUndefined(member.pollUnsafe())
    }).pipe(Effect.scoped))
})
