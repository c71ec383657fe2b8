import { Clock, Console, Duration, Effect, Fiber, FiberSet, Stdio, Stream } from "effect"
import { makePopulation } from "./Population.ts"
import { playOrder } from "./Scenario.ts"
import { StoreClient } from "./StoreClient.ts"
import { percentile, Tally } from "./Tally.ts"

export interface DemoOptions {
  readonly orders: number
  /** Orders a second, open loop: a slow store gets no fewer. */
  readonly rate: number
  readonly customers: number
}

const bar = (done: number, of: number) => {
  const filled = Math.round((done / of) * 30)
  return `[${"#".repeat(filled)}${".".repeat(30 - filled)}] ${done}/${of} orders`
}

/** A line on stderr every half second: drawn over on a terminal by the shell's own rules of \r. */
const progress = (options: DemoOptions) =>
  Effect.gen(function*() {
    const tally = yield* Tally
    const stdio = yield* Stdio.Stdio
    return yield* tally.read.pipe(
      Effect.flatMap(({ finished }) =>
        Stream.make(`\r${bar(finished, options.orders)}`).pipe(Stream.encodeText, Stream.run(stdio.stderr()))
      ),
      Effect.delay("500 millis"),
      Effect.forever
    )
  })

const figure = (values: ReadonlyArray<number>, share: number) => {
  const value = percentile(values, share)
  return value === undefined ? "-" : `${value} ms`
}

/** Drives a live, mixed load through the public API and tells how the store took it. Answers how many orders failed. */
export const runDemo = Effect.fn("Demo.run")(function*(options: DemoOptions) {
  const store = yield* StoreClient
  const tally = yield* Tally
  yield* Console.error(`Signing up ${options.customers} customers at ${store.url} ...`)
  const population = yield* makePopulation(options.customers)
  const drawing = yield* Effect.forkChild(progress(options))
  const began = yield* Clock.currentTimeMillis

  // A sample is timed by asking, as a customer would: all of it at low rates, about 20 a second at high ones.
  const watchEvery = Math.max(1, Math.round(options.rate / 20))
  const running = yield* FiberSet.make()
  for (let n = 0; n < options.orders; n++) {
    const due = began + (n * 1000) / options.rate
    const wait = due - (yield* Clock.currentTimeMillis)
    if (wait > 0) yield* Effect.sleep(Duration.millis(wait))
    yield* FiberSet.run(
      running,
      playOrder(population, n % watchEvery === 0).pipe(
        Effect.catch((error) => tally.failed(error.message)),
        Effect.ensuring(tally.finished)
      )
    )
  }
  const offered = (yield* Clock.currentTimeMillis) - began
  yield* FiberSet.awaitEmpty(running)
  const took = (yield* Clock.currentTimeMillis) - began
  yield* Fiber.interrupt(drawing)

  const { createdIn, failures, paidIn } = yield* tally.read
  const repeats = [...(yield* store.repeats)].map(([reason, count]) => `${reason}: ${count}`).join(", ")
  yield* Console.error(`\r${bar(options.orders, options.orders)}`)
  yield* Console.log([
    `orders accepted    ${createdIn.length} of ${options.orders}, offered in ${
      (offered / 1000).toFixed(1)
    } s, all done in ${(took / 1000).toFixed(1)} s`,
    `rate               ${(createdIn.length / (took / 1000)).toFixed(1)} orders/s (asked for ${options.rate})`,
    `POST to 201        p50 ${figure(createdIn, 0.5)}, p99 ${figure(createdIn, 0.99)}`,
    `POST to PAID       p50 ${figure(paidIn, 0.5)}, p99 ${figure(paidIn, 0.99)} (${paidIn.length} orders watched)`,
    `calls repeated     ${repeats === "" ? "none" : repeats}`,
    ...(failures.length === 0 ? [] : [`failed             ${failures.length}, the first: ${failures[0]}`])
  ].join("\n"))
  return failures.length
}, Effect.scoped)
