import { Clock, Console, Duration, Effect, Random } from "effect"
import { Command } from "effect/cli"
import { count, flags, runCommand, seeded } from "../command.ts"
import { cluster } from "./Cluster.ts"
import { ground } from "./Ground.ts"
import { NotKept } from "./NotKept.ts"
import { PAUSE_SECONDS, pauses } from "./Pauses.ts"
import { redelivered } from "./Redelivery.ts"
import { judge } from "./Verdict.ts"

/**
 * Kills replicas of the services under load, one every few seconds, and starts each again; with `--pauses` also freezes
 * some that relay for longer than their lease, which then go on as if nothing had been. At the end: the audit
 * against the journal of everything that was acknowledged, the topics as the broker has them, all of it delivered once
 * more to emptied inboxes, and an orderly stop.
 */

const timed = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const answer = yield* self
    return [answer, (yield* Clock.currentTimeMillis) - began] as const
  })

const program = Effect.fnUntraced(function*(options: {
  readonly replicas: number
  readonly minutes: number
  readonly every: number
  readonly pauses: number
  readonly rate: number
  readonly seed: string
}) {
  yield* Console.log(`seed ${options.seed}: ${options.replicas} replicas of each service, ${options.minutes} minutes`)
  const [store, began] = yield* timed(Effect.flatMap(ground, (own) => cluster(options.replicas, own)))
  yield* Console.log(`ready after ${began} ms`)
  const seconds = options.minutes * 60
  const kills = Math.max(1, Math.floor(seconds / options.every) - 1)
  const demo = yield* store.demo(options.rate, options.rate * (seconds + options.pauses * PAUSE_SECONDS))
  const paused = pauses(store)
  let left = options.pauses
  let longest = 0
  for (let nth = 1; nth <= kills; nth++) {
    const [, busy] = yield* timed(Effect.gen(function*() {
      const index = yield* Random.nextIntBetween(0, store.services.length, { halfOpen: true })
      const victim = store.services[index]
      if (victim === undefined) return
      yield* victim.end("SIGKILL")
      const [, took] = yield* timed(victim.start)
      longest = Math.max(longest, took)
      yield* Console.log(`kill ${nth}: ${victim.name}, ready again after ${took} ms`)
    }))
    yield* Effect.sleep(Duration.millis(Math.max(0, options.every * 1000 - busy)))
    for (; left > options.pauses * (1 - nth / kills); left--) {
      const { millis, name, shards, takeover } = yield* paused.once
      yield* Console.log(`${name} frozen for ${millis} ms: its ${shards} shards are another's after ${takeover} ms`)
    }
  }
  yield* judge(store, demo, [["kills", kills], ["longest restart", `${longest} ms`], ...paused.figures()])
  yield* redelivered(store)

  const stops = yield* Effect.forEach(
    store.services,
    (replica) => Effect.map(timed(replica.end("SIGTERM")), ([code, took]) => ({ name: replica.name, code, took })),
    {
      concurrency: 3
    }
  )
  yield* Console.log(`longest orderly stop  ${Math.max(...stops.map(({ took }) => took))} ms`)
  const unclean = stops.filter(({ code, took }) => code !== 0 || took >= 10_000)
  if (unclean.length > 0) {
    return yield* new NotKept({
      reason: unclean.map(({ code, name, took }) => `${name} ended with ${code} after ${took} ms`).join("\n")
    })
  }
}, Effect.scoped)

const replicas = Command.make("replicas", {
  replicas: flags.replicas(3),
  minutes: flags.minutes(3),
  every: flags.every(10),
  pauses: count("pauses", "Of a replica that relays, by SIGSTOP, longer than its lease, spread among the kills", 0),
  rate: flags.rate(15),
  seed: flags.seed
}, seeded(program))

runCommand(replicas)
