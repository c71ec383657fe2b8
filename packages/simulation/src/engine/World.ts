import { createHash } from "node:crypto"
import { type Prng, prng } from "./Prng.ts"
import { type Timer, Timers } from "./Timers.ts"

/** Whose work something is: a process while it lives, or the ground on which servers, network and faults stand. */
export interface Owner {
  readonly alive: boolean
  /** Virtual time until which nothing of it runs, as in a long garbage collection. */
  readonly pausedUntil: number
}

export interface WorldOptions {
  readonly seed: number
  /** How likely a fiber yields before an operation; 0 leaves only the places where it waits. */
  readonly preemption: number
}

/** How a run ended: as wanted, out of virtual time, with nothing left to do, or running in circles. */
export type Ending = "done" | "deadline" | "idle" | "livelock"

interface Task {
  readonly owner: Owner
  readonly run: () => void
}

const START = Date.UTC(2030, 0, 1)
const MOST_STEPS = 400_000

/**
 * All there is during a run: what can run now, what is to run later, the time, chance, and the log. It is synchronous:
 * while it runs, the event loop of JavaScript does not turn.
 */
export class World {
  readonly seed: number
  readonly preemption: number
  readonly start = START
  readonly lines: Array<string> = []
  readonly preempt: Prng
  readonly ground: Owner = { alive: true, pausedUntil: 0 }
  now = START
  steps = 0
  private readonly ready: Array<Task> = []
  private readonly timers = new Timers()
  private readonly schedule: Prng
  /** The fiber with which the step at hand began. */
  private first: object | undefined
  private timersSet = 0

  constructor({ preemption, seed }: WorldOptions) {
    this.seed = seed
    this.preemption = preemption
    this.schedule = prng(seed, "schedule")
    this.preempt = prng(seed, "preemption")
  }

  /** Virtual milliseconds since the beginning. */
  get elapsed(): number {
    return this.now - this.start
  }

  /** Whether something else than the fiber that asks could run now: what is ready, or whoever resumed it in its own step. */
  hasOthers(fiber: object): boolean {
    this.first ??= fiber
    return this.ready.length > 0 || this.first !== fiber
  }

  log(line: string): void {
    this.lines.push(`${this.elapsed} ${line}`)
  }

  /** SHA-256 of the whole log, in hex. */
  digest(): string {
    return createHash("sha256").update(this.lines.join("\n")).digest("hex")
  }

  soon(owner: Owner, run: () => void): void {
    if (owner.alive) this.ready.push({ owner, run })
  }

  after(millis: number, owner: Owner, fire: () => void): Timer {
    const timer: Timer = { at: this.now + Math.round(millis), nth: this.timersSet++, owner, fire, cancelled: false }
    this.timers.push(timer)
    return timer
  }

  /** Runs until `isDone` (asked whenever time is about to pass), the virtual deadline, or nothing is left. */
  run(isDone: () => boolean, deadlineMillis: number): Ending {
    const deadline = this.now + deadlineMillis
    const { ready } = this
    while (this.steps < MOST_STEPS) {
      if (ready.length > 0) {
        this.steps++
        this.step(ready)
        continue
      }
      if (isDone()) return "done"
      const timer = this.timers.pop()
      if (timer === undefined) return "idle"
      if (timer.cancelled || !timer.owner.alive) continue
      if (timer.at > deadline) return "deadline"
      this.now = Math.max(this.now, timer.at)
      this.soon(timer.owner, timer.fire)
    }
    return "livelock"
  }

  /** Which of the ready tasks goes next is the interleaving that the seed stands for. */
  private step(ready: Array<Task>): void {
    const chosen = ready.length === 1 ? 0 : this.schedule.below(ready.length)
    const last = ready.length - 1
    const task = ready[chosen]
    const moved = ready[last]
    if (task === undefined || moved === undefined) return
    ready[chosen] = moved
    ready.length = last
    this.first = undefined
    const { owner, run } = task
    if (!owner.alive) return
    if (owner.pausedUntil > this.now) this.after(owner.pausedUntil - this.now, owner, run)
    else run()
  }
}
