import { Clock, Effect, Option, Ref, Schedule, type Scope, Semaphore } from "effect"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import type { KafkaMissing } from "./KafkaMissing.ts"
import { format, freePorts, launch, type RunningKafka } from "./KafkaServer.ts"

/** A broker that one test may stop, kill and freeze. Its address and what it stores stay the same through all of that. */
export interface OwnKafka {
  readonly brokers: ReadonlyArray<string>
  /** Does nothing while it runs. */
  readonly start: Effect.Effect<void, KafkaMissing>
  /** As at a planned restart: the broker says good-bye to its clients and writes everything. */
  readonly stop: Effect.Effect<void>
  readonly restart: Effect.Effect<void, KafkaMissing>
  /** SIGKILL, as when the process crashes: the next start recovers. */
  readonly kill: Effect.Effect<void>
  /** SIGSTOP: connections stay open and nothing answers any more. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

/** Processes take real time, whatever clock a test has. */
const withRealClock = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
const wantedBytes = 2_000_000_000

/** The system may take its time over stopping a process: until then it still answers. */
const isStopped = (pid: number | undefined) =>
  Effect.promise(() => promisify(execFile)("ps", ["-o", "state=", "-p", String(pid)])).pipe(
    Effect.map(({ stdout }) => stdout.startsWith("T")),
    Effect.repeat({ until: (stopped) => stopped, schedule: Schedule.spaced("10 millis") })
  )

/** A folder in memory where there is room: brokers and their clients then share two cores with nothing else. */
const dataFolder = Effect.acquireRelease(
  Effect.promise(async () => {
    const memory = "/dev/shm"
    const free = await fs.statfs(memory).then((stat) => stat.bavail * stat.bsize, () => 0)
    const writable = await fs.access(memory, fs.constants.W_OK).then(() => true, () => false)
    return fs.mkdtemp(path.join(writable && free > wantedBytes ? memory : os.tmpdir(), "g-store-kafka-"))
  }),
  (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true, maxRetries: 10 }))
)

/**
 * A fresh broker behind something that passes connections on: `front` is given the broker's port and answers the one
 * that clients are to use. It and its data go when the scope ends.
 */
export const ownKafkaBehind = Effect.fnUntraced(function*(
  front: (port: number) => Effect.Effect<number, never, Scope.Scope>
): Effect.fn.Return<OwnKafka, KafkaMissing, Scope.Scope> {
  const folder = yield* dataFolder
  const free = yield* freePorts
  const ports = { ...free, advertised: yield* front(free.broker) }
  yield* format(folder, ports)
  const running = yield* Ref.make(Option.none<RunningKafka>())
  const oneAtATime = yield* Semaphore.make(1)

  const pause = Effect.flatMap(
    Ref.get(running),
    Option.match({
      onNone: () => Effect.void,
      onSome: ({ process }) =>
        Effect.andThen(Effect.sync(() => process.kill("SIGSTOP")), Effect.asVoid(isStopped(process.pid)))
    })
  )
  const resume = Effect.map(Ref.get(running), Option.map(({ process }) => process.kill("SIGCONT")))
  const end = (name: NodeJS.Signals) =>
    Effect.flatMap(
      Ref.getAndSet(running, Option.none()),
      Option.match({
        onNone: () => Effect.void,
        onSome: ({ process, exited }) =>
          Effect.promise(() => {
            process.kill(name)
            // A frozen process hears nothing but SIGKILL until it may go on.
            process.kill("SIGCONT")
            return exited
          }).pipe(
            Effect.timeoutOrElse({
              duration: "15 seconds",
              orElse: () =>
                Effect.promise(() => {
                  process.kill("SIGKILL")
                  return exited
                })
            })
          )
      })
    )
  const again = Effect.flatMap(Ref.get(running), (now) =>
    Option.isSome(now)
      ? Effect.void
      : Effect.uninterruptible(
        Effect.flatMap(launch(folder), (kafka) => Ref.set(running, Option.some(kafka)))
      ))
  const alone = <A, E>(self: Effect.Effect<A, E>) => oneAtATime.withPermits(1)(self).pipe(Effect.asVoid, withRealClock)

  yield* Effect.addFinalizer(() => end("SIGTERM"))
  yield* again
  return {
    brokers: [`127.0.0.1:${ports.advertised}`],
    start: alone(again),
    stop: alone(end("SIGTERM")),
    restart: alone(Effect.andThen(end("SIGTERM"), again)),
    kill: alone(end("SIGKILL")),
    pause: alone(pause),
    resume: alone(resume)
  }
}, withRealClock)

/** A fresh broker of its own, running, on free ports of 127.0.0.1. */
export const ownKafka: Effect.Effect<OwnKafka, KafkaMissing, Scope.Scope> = ownKafkaBehind((port) =>
  Effect.succeed(port)
)
