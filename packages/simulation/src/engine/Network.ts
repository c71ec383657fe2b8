import { Effect, type Exit, Schema } from "effect"
import { type Fault, isTimed, type RequestFault } from "./Fault.ts"
import { hash } from "./Prng.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/** No answer came: what was asked may or may not have been done. */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", { server: Schema.String }) {}

export type Reply<A, E> = (exit: Exit.Exit<A, E>) => void

export interface Request<A, E> {
  readonly server: string
  readonly label: string
  /** What the server does, in one step; it replies now or later. `part` says that only some of it may be done. */
  readonly apply: (reply: Reply<A, E>, part: boolean) => void
  /** It can be told apart from its repetition: sent twice, it is done twice. */
  readonly repeatable?: boolean
}

/** A request fault that struck, under the request's name. */
export interface Hit {
  readonly fault: RequestFault
  /** Virtual ms since the beginning. */
  readonly at: number
}

export interface NetworkOptions {
  /** The longest a packet usually takes, ms. */
  readonly latency: number
  readonly faults: ReadonlyArray<Fault>
  readonly crash: (process: Process, down: number) => void
}

const PATIENCE = 1_000

/** Every request of a process to what lies outside of it: here it is late, lost, doubled, and here the process dies. */
export class Network {
  readonly world: World
  readonly hits: Array<Hit> = []
  /** How many requests each process has sent, over all its incarnations. */
  readonly sent = new Map<string, number>()
  private readonly options: NetworkOptions
  private readonly aimed = new Map<string, RequestFault>()
  private readonly counts = new Map<string, number>()
  private readonly downUntil = new Map<string, number>()
  private readonly slowUntil = new Map<string, { readonly until: number; readonly delay: number }>()
  private readonly cutUntil = new Map<string, number>()

  constructor(world: World, options: NetworkOptions) {
    this.world = world
    this.options = options
    for (const fault of options.faults) {
      if (isTimed(fault)) continue
      this.aimed.set(
        "io" in fault ? `${fault.process}/${fault.io}` : `${fault.process}/${fault.request}/${fault.nth}`,
        fault
      )
    }
  }

  outage(server: string, millis: number): void {
    this.downUntil.set(server, this.world.now + millis)
  }
  slowServer(server: string, millis: number, delay: number): void {
    this.slowUntil.set(server, { until: this.world.now + millis, delay })
  }
  cut(process: string, server: string, millis: number): void {
    this.cutUntil.set(`${process}/${server}`, this.world.now + millis)
  }
  isDown(server: string): boolean {
    return (this.downUntil.get(server) ?? 0) > this.world.now
  }
  isCut(process: string, server: string): boolean {
    return (this.cutUntil.get(`${process}/${server}`) ?? 0) > this.world.now
  }

  /** Ms for one packet. Keyed, not drawn: without one request all others take as long as before. */
  latency(name: string, nth: number, leg: number): number {
    return 1 + hash(name, this.world.seed * 0x9e3779b1 + nth * 40_503 + leg) % this.options.latency
  }

  request<A, E>(process: Process, { apply, label, repeatable, server }: Request<A, E>): Effect.Effect<A, E | NoAnswer> {
    return Effect.callback<A, E | NoAnswer>((resume) => {
      // A dead incarnation sends nothing, although its last operation may still run for some steps.
      if (!process.alive) return
      const { world } = this
      const name = `${process.name}/${server} ${label}`
      const nth = count(this.counts, name)
      const fault = this.strike(process, name, `${server} ${label}`, nth)
      const isPart = fault?._tag === "PartialPublish" && repeatable === true
      const lost = (millis: number) =>
        void world.after(millis, process, () => resume(Effect.fail(new NoAnswer({ server }))))
      const reply: Reply<A, E> = (exit) => {
        if (fault?._tag === "LostReply" || isPart) return lost(PATIENCE)
        const slow = this.slowUntil.get(server)
        const more = slow !== undefined && slow.until > world.now ? slow.delay : 0
        world.after(this.latency(name, nth, 2) + more, process, () => {
          if (this.isCut(process.name, server)) lost(PATIENCE)
          else resume(exit)
        })
      }
      const late = fault?._tag === "Slow" ? fault.ms : 0
      world.after(this.latency(name, nth, 0) + late, world.ground, () => {
        // What was sent before the death of its sender may arrive or not: a broken connection and a broken machine differ.
        if (!process.alive && this.latency(name, nth, 3) % 2 === 0) return
        if (this.isCut(process.name, server)) return lost(PATIENCE)
        if (this.isDown(server)) return lost(this.latency(name, nth, 1))
        if (fault?._tag === "CrashAtRequest" && !fault.applied) return this.options.crash(process, fault.down)
        if (fault?._tag === "LostRequest") return lost(PATIENCE)
        world.log(`${process.id} ${server} ${label}`)
        apply(reply, isPart)
        if (fault?._tag === "Duplicate" && repeatable === true) apply(() => {}, false)
        if (fault?._tag === "CrashAtRequest") this.options.crash(process, fault.down)
      })
    })
  }

  private strike(process: Process, name: string, request: string, nth: number): RequestFault | undefined {
    const io = count(this.sent, process.name)
    const fault = this.aimed.get(`${process.name}/${io}`) ?? this.aimed.get(`${name}/${nth}`)
    if (fault === undefined) return undefined
    this.world.log(`FAULT ${fault._tag} ${process.id} ${request}`)
    this.hits.push({ fault: named(fault, request, nth), at: this.world.elapsed })
    return fault
  }
}

const count = (counts: Map<string, number>, key: string): number => {
  const next = (counts.get(key) ?? 0) + 1
  counts.set(key, next)
  return next
}

/** The same fault, aimed by name: other requests may come and go without moving it. */
const named = (fault: RequestFault, request: string, nth: number): RequestFault => {
  if (!("io" in fault)) return fault
  const { io: _, ...rest } = fault
  return { ...rest, request, nth }
}
