import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { setup } from "@g-store/postgres/vitest.ts"
import { Clock, Console, Effect, Option, Random, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { type Assignment, CHUNK, type Played } from "./bulk.ts"
import { printed } from "./checkSequences.ts"
import { ADAPTERS } from "./Rig.ts"

/**
 * Plays generated sequences against the model, many of them: a process per core, chunk by chunk. `--seed` gives the same
 * sequences again, `--chunk` one chunk of them alone.
 */

class Diverged extends Schema.TaggedError<Diverged>()("Diverged", { message: Schema.String }) {}

const worker = fileURLToPath(new URL("sequenceWorker.ts", import.meta.url))

/** Runs one worker to its end; a worker that ends otherwise than it should is a failure of the check. */
const played = (assignment: Assignment, onPlayed: (played: Played) => void) =>
  Effect.callback<void, Diverged>((resume) => {
    const child = fork(worker, [JSON.stringify(assignment)])
    child.on("message", onPlayed)
    child.on("exit", (code) =>
      resume(
        code === 0 ? Effect.void : Effect.fail(new Diverged({ message: `a worker ended with ${code}: see above` }))
      ))
    return Effect.sync(() => void child.kill())
  })

const report = ({ chunk, divergence }: Played, again: string) =>
  divergence === undefined ? "" : `DIVERGENCE (again: npm run sequences -- ${again} --chunk ${chunk})
  ${divergence.fault}
  smallest sequence found:
    ${printed(divergence.sequence)}
`

const program = Effect.fnUntraced(function*(options: {
  readonly runs: number
  readonly seed: Option.Option<string>
  readonly chunk: Option.Option<number>
  readonly adapter: (typeof ADAPTERS)[number]
  readonly workers: Option.Option<number>
}) {
  const { adapter, chunk: only, runs } = options
  const seed = Option.getOrElse(options.seed, () => "")
    || String(yield* Random.nextIntBetween(1, Number.MAX_SAFE_INTEGER))
  const size = CHUNK[adapter]
  const chunks = Array.from({ length: Math.ceil(runs / size) }, (_, chunk) => ({
    chunk,
    runs: Math.min(size, runs - chunk * size)
  }))
  const due = Option.isSome(only) ? [{ chunk: only.value, runs: size }] : chunks
  const workers = Math.min(Option.getOrElse(options.workers, availableParallelism), due.length)
  if (adapter === "postgres") {
    // The workers find the server by the environment that they inherit.
    yield* Effect.acquireRelease(
      Effect.promise(setup),
      (teardown) => Effect.promise(async () => teardown?.())
    )
  }
  yield* Console.log(`seed ${seed}, ${adapter}, ${workers} workers`)
  const began = yield* Clock.currentTimeMillis
  let ran = 0
  let divergences = 0
  const onPlayed = (one: Played) => {
    ran += one.runs
    if (one.divergence !== undefined) divergences++
    process.stdout.write(report(one, `--seed ${seed} --adapter ${adapter}`))
    if (ran % (size * 10) === 0) process.stdout.write(`${ran} of ${runs}\n`)
  }
  yield* Effect.forEach(
    Array.from({ length: workers }, (_none, at) => due.filter((_, nth) => nth % workers === at)),
    (mine) => played({ adapter, seed, chunks: mine }, onPlayed),
    { concurrency: "unbounded", discard: true }
  )
  const minutes = ((yield* Clock.currentTimeMillis) - began) / 60_000
  yield* Console.log(
    `${ran} sequences in ${(minutes * 60).toFixed(1)} s, ${
      Math.round(ran / minutes)
    } a minute, ${divergences} divergences`
  )
  if (divergences > 0) return yield* new Diverged({ message: "the store does what the model cannot explain" })
}, Effect.scoped)

const sequences = Command.make("sequences", {
  runs: Flag.Int("runs").pipe(Flag.withDefault(10_000)),
  seed: Flag.String("seed").pipe(Flag.withDescription("Any text; chosen anew if absent"), Flag.optional),
  chunk: Flag.Int("chunk").pipe(Flag.withDescription("Play this chunk of the seed alone"), Flag.optional),
  adapter: Flag.Literals("adapter", ADAPTERS).pipe(Flag.withDefault("memory" as const)),
  workers: Flag.Int("workers").pipe(Flag.withDescription("Processes; one a core if absent"), Flag.optional)
}, program)

Command.run(sequences, { version: "1.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
