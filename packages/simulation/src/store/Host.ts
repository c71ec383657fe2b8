import { launch } from "@g-store/messaging/Supervisor.ts"
import { type Context, Effect, Layer } from "effect"
import { describeExit, Process, type Surroundings } from "../engine/Process.ts"
import type { World } from "../engine/World.ts"

const SHUTDOWN_MILLIS = 10_000
const RESTART_MILLIS = 1_000

/** A machine that runs one process after the other: what the orchestrator restarts when it ends. */
export class Host<S> {
  readonly name: string
  process: Process
  /** What the running incarnation has built; undefined while it starts. */
  services: Context.Context<S> | undefined
  private readonly world: World
  private readonly layer: (process: Process) => Layer.Layer<S, never, Surroundings>
  private readonly onEnd: (text: string) => void
  private interrupt: () => void = () => {}
  /** How long the machine stays down after the stop that is under way. */
  private stopping: number | undefined
  private skew = 0

  /** `onEnd` is told when a process ends by itself, which none of the store should. */
  constructor(
    world: World,
    name: string,
    layer: (process: Process) => Layer.Layer<S, never, Surroundings>,
    onEnd: (text: string) => void
  ) {
    this.world = world
    this.name = name
    this.layer = layer
    this.onEnd = onEnd
    this.process = new Process(world, name, 0)
    this.process.alive = false
  }

  readonly boot = (): void => {
    const process = new Process(this.world, this.name, this.process.generation + 1)
    process.skew = this.skew
    this.process = process
    this.services = undefined
    this.stopping = undefined
    this.world.log(`BOOT ${process.id}`)
    const publish = Layer.effectDiscard(
      Effect.map(Effect.context<S>(), (context) => {
        this.services = context
      })
    )
    this.interrupt = process.run(launch(Layer.provide(publish, this.layer(process))), (exit) => {
      if (this.stopping === undefined) this.onEnd(`${process.id} ended by itself: ${describeExit(exit)}`)
      this.crash(this.stopping ?? RESTART_MILLIS)
    })
  }

  /** SIGKILL, and a new incarnation after `down` ms. */
  crash(down: number): void {
    if (!this.process.alive) return
    this.process.kill()
    this.services = undefined
    this.world.after(down, this.world.ground, this.boot)
  }

  /** SIGTERM: finalizers run, for as long as an orchestrator waits. */
  stop(down: number): void {
    const { process } = this
    if (!process.alive || this.stopping !== undefined) return
    this.services = undefined
    this.stopping = down
    this.interrupt()
    this.world.after(SHUTDOWN_MILLIS, this.world.ground, () => {
      if (this.process === process) this.crash(down)
    })
  }

  jump(millis: number): void {
    this.skew += millis
    this.process.skew = this.skew
  }
}
