import { Effect, type Scope } from "effect"
import { connect, createServer, type Server, type Socket } from "node:net"

/** Which of the connections a fault strikes, by their number; every one if absent. */
export type Struck = (nth: number) => boolean

/** Stands between clients and one server of any kind on 127.0.0.1, and does to their connections what networks do. */
export interface TestProxy {
  readonly port: number
  /** How many connections pass. */
  readonly connections: Effect.Effect<number>
  /** RST to both ends, whatever was under way. Answers how many connections it struck, as `silence` does. */
  readonly reset: (struck?: Struck) => Effect.Effect<number>
  /** Nothing passes any more in either direction, and neither end is told: not even that the other one has left. */
  readonly silence: (struck?: Struck) => Effect.Effect<number>
  /** Whatever is said from now on comes so many milliseconds late, in its order; 0 ends that. */
  readonly delay: (milliseconds: number) => Effect.Effect<void>
}

interface Passing {
  readonly client: Socket
  readonly upstream: Socket
  silent: boolean
}

/** Passes on what one end says to the other, late if it is to be, and never out of its order. */
const passOn = (own: Passing, from: Socket, to: Socket, delay: () => number): void => {
  const late: Array<Buffer | "end"> = []
  let due = 0
  const deliver = (said: Buffer | "end" | undefined): void => {
    if (own.silent || said === undefined || to.destroyed) return
    if (said === "end") to.end()
    else to.write(said)
  }
  const said = (what: Buffer | "end"): void => {
    if (delay() === 0 && late.length === 0) return deliver(what)
    const now = performance.now()
    due = Math.max(due, now + delay())
    late.push(what)
    setTimeout(() => deliver(late.shift()), due - now)
  }
  from.on("data", said)
  from.once("end", () => said("end"))
  // Broken off, by whoever: the other end learns it as it would without us.
  from.once("error", () => {
    if (!own.silent) to.resetAndDestroy()
  })
}

const listening = (server: Server): Effect.Effect<number> =>
  Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** A proxy in front of a port until the scope ends. */
export const testProxy = (target: number): Effect.Effect<TestProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const passing = new Set<Passing>()
    let delay = 0
    const server = createServer({ noDelay: true }, (client) => {
      const upstream = connect({ port: target, host: "127.0.0.1", noDelay: true })
      const own: Passing = { client, upstream, silent: false }
      passing.add(own)
      passOn(own, client, upstream, () => delay)
      passOn(own, upstream, client, () => delay)
      for (const end of [client, upstream]) {
        end.once("close", () => {
          if (client.destroyed && upstream.destroyed) passing.delete(own)
        })
      }
    })
    const strike = (struck: Struck, how: (own: Passing) => void) =>
      Effect.sync(() => {
        const victims = [...passing].filter(({ silent }) => !silent).filter((_, nth) => struck(nth))
        for (const own of victims) how(own)
        return victims.length
      })
    const port = yield* Effect.acquireRelease(
      listening(server),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const { client, upstream } of passing) {
            client.destroy()
            upstream.destroy()
          }
        })
    )
    return {
      port,
      connections: Effect.sync(() => [...passing].filter(({ silent }) => !silent).length),
      reset: (struck = () => true) =>
        strike(struck, ({ client, upstream }) => {
          client.resetAndDestroy()
          upstream.resetAndDestroy()
        }),
      silence: (struck = () => true) =>
        strike(struck, (own) => {
          own.silent = true
        }),
      delay: (milliseconds) =>
        Effect.sync(() => {
          delay = milliseconds
        })
    }
  })
