// Sockets come and go; afterwards the heap and the handles must be as before. `node --expose-gc leak.ts [visits]`
import { Console, Effect } from "effect"
import { makeEdge, open } from "../edge.ts"
import { event, orderId } from "../fixtures.ts"

const VISITS = Number(process.argv[2] ?? 10_000)
const MOST_BYTES = 20 * 1024 * 1024
const WARM_UP = 300

const main = Effect.gen(function*() {
  const edge = yield* makeEdge()
  yield* edge.happen(event(1, 1))
  const visit = Effect.scoped(Effect.gen(function*() {
    const client = yield* open(edge.url, { protocols: ["g-store.v1", "bearer.ada"] })
    yield* client.opened
    yield* client.say({ type: "subscribe", orderId: orderId(1) })
    yield* client.until(() => client.frames.some((frame) => frame.type === "subscribed"))
    client.socket.close()
    yield* client.closed
  }))
  const visits = (count: number) =>
    Effect.forEach(Array.from({ length: count }), () => visit, { concurrency: 10, discard: true })
  const settled = Effect.gen(function*() {
    yield* Effect.repeat(Effect.delay(edge.connections, "10 millis"), { until: (count) => count === 0 })
    // Timers of closed sockets come to their end.
    yield* Effect.sleep("3 seconds")
    globalThis.gc?.()
    globalThis.gc?.()
    return { heap: process.memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length }
  })
  yield* visits(WARM_UP)
  const before = yield* settled
  yield* visits(VISITS)
  const after = yield* settled
  const grown = after.heap - before.heap
  yield* Console.log(
    `${VISITS} sockets came and went: heap ${(before.heap / 1e6).toFixed(1)} MB before, ${
      (after.heap / 1e6).toFixed(1)
    } MB `
      + `after; handles ${before.handles} before, ${after.handles} after; listeners ${edge.listeners()}`
  )
  return grown <= MOST_BYTES && before.handles === after.handles && edge.listeners() === 0
})

process.exit(await Effect.runPromise(Effect.scoped(main)) ? 0 : 1)
