import {
  Cause,
  Clock,
  ConfigProvider,
  Context,
  Duration,
  Effect,
  Exit,
  type Fiber,
  Logger,
  Random,
  References,
  Scheduler
} from "effect"
import { SecureRandom } from "effect/crypto"
import { prng } from "./Prng.ts"
import type { Owner, World } from "./World.ts"

/** Runs the fibers of one incarnation on the world's ready list. Those of a dead one are never run again. */
class IncarnationScheduler implements Scheduler.Scheduler {
  readonly executionMode = "async"
  private readonly process: Process

  constructor(process: Process) {
    this.process = process
  }

  /**
   * Asked before nearly every operation. A dead incarnation yields into a list that drops it: it is parked for ever. A
   * living one yields only to somebody (what is ready, or a fiber in the middle of which it runs): where nothing else can
   * run, it would be the next again.
   */
  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    const { alive, world } = this.process
    if (!alive) return true
    if (world.preemption === 0 || !world.hasOthers(fiber) || fiber.currentOpCount <= 1) return false
    return world.preempt.float() < world.preemption
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const { process } = this
    return { scheduleTask: (task) => process.world.soon(process, task), flush: () => {} }
  }
}

/** The incarnation's view of virtual time. Its wall clock may be wrong by `skew`; its monotonic one never is. */
class IncarnationClock implements Clock.Clock {
  private readonly process: Process
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  constructor(process: Process) {
    this.process = process
  }

  currentTimeMillisUnsafe(): number {
    return Math.floor(this.process.world.now + this.process.skew)
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.currentTimeMillisUnsafe()) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(Math.floor(this.process.world.elapsed * 1_000)) * 1_000n
  }
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    const { process } = this
    return Effect.callback<void>((resume) => {
      const timer = process.world.after(millis, process, () => resume(Effect.void))
      return Effect.sync(() => {
        timer.cancelled = true
      })
    })
  }
}

/** What every process has of the runtime: randomness comes from the seed, time from the world. */
export type Surroundings = SecureRandom.SecureRandom

/** One incarnation of a process: the fibers that it runs, and the switch that turns all of them off between two steps. */
export class Process implements Owner {
  readonly world: World
  readonly name: string
  readonly generation: number
  readonly context: Context.Context<Surroundings>
  /** What servers do when its connections break. They run on the ground, however it dies. */
  readonly onDeath = new Set<() => void>()
  alive = true
  pausedUntil = 0
  /** Milliseconds by which its wall clock is ahead. */
  skew = 0

  constructor(world: World, name: string, generation: number) {
    this.world = world
    this.name = name
    this.generation = generation
    const random = prng(world.seed, `random/${name}/${generation}`)
    const logger = Logger.make(({ logLevel, message }) => world.log(`${this.id} ${logLevel} ${textOf(message)}`))
    this.context = Context.make(
      SecureRandom.SecureRandom,
      SecureRandom.make((size) => Uint8Array.from({ length: size }, () => random.u32() & 255))
    ).pipe(
      Context.add(Scheduler.Scheduler, new IncarnationScheduler(this)),
      Context.add(Clock.Clock, new IncarnationClock(this)),
      Context.add(Random.Random, {
        nextIntUnsafe: () => random.u32() * 0x20_0000 + (random.u32() >>> 11) - Number.MAX_SAFE_INTEGER,
        nextDoubleUnsafe: random.float
      }),
      Context.add(Logger.CurrentLoggers, new Set([logger])),
      Context.add(References.MinimumLogLevel, "Warn"),
      Context.add(References.TracerEnabled, false),
      Context.add(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({}))
    )
  }

  get id(): string {
    return `${this.name}#${this.generation}`
  }

  /** Starts a fiber of this incarnation. A dead one reports no exit. The function given back interrupts it. */
  run<A, E>(effect: Effect.Effect<A, E, Surroundings>, onExit: (exit: Exit.Exit<A, E>) => void): () => void {
    let fiber: Fiber.Fiber<A, E> | undefined
    let interrupted = false
    this.world.soon(this, () => {
      if (interrupted) return
      fiber = Effect.runForkWith(this.context)(effect)
      fiber.addObserver((exit) => {
        if (this.alive) onExit(exit)
      })
    })
    return () => {
      interrupted = true
      this.world.soon(this, () => fiber?.interruptUnsafe())
    }
  }

  /** SIGKILL: no finalizer runs, nothing is scheduled again; servers find the connections broken. */
  kill(): void {
    if (!this.alive) return
    this.alive = false
    this.world.log(`KILL ${this.id}`)
    // A copy: some of them take others out.
    for (const told of Array.from(this.onDeath)) told()
  }
}

const textOf = (message: unknown): string => {
  const first: unknown = Array.isArray(message) ? message[0] : message
  return typeof first === "string" ? first : "(no text)"
}

/** Ends a run loudly: a process ended by itself, which in the store none does. */
export const describeExit = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "success" : Cause.pretty(exit.cause).split("\n")[0] ?? "failure"
