import { Effect, Exit, Ref, Schedule, Scope } from "effect"
import * as path from "node:path"
import { freePort } from "../freePort.ts"
import { type Child, run } from "../kills/StoreProcess.ts"
import { NotKept } from "./NotKept.ts"

export type ServiceName = "order-service" | "payment-service" | "order-notification-service" | "identity-service"

/** One process of a service. It keeps its name and ports over restarts, as a container keeps its host name. */
export interface Replica {
  readonly name: string
  readonly service: ServiceName
  readonly port: number
  /** The port of its health and metrics. */
  readonly admin: number
  /** The process that runs, or that ran last; undefined before the first start and after `end`. */
  readonly pid: Effect.Effect<number | undefined>
  /** Starts the process; done when it says that it is ready. */
  readonly start: Effect.Effect<void, NotKept>
  /** Ends it; answers its exit code, null after SIGKILL. */
  readonly end: (signal: "SIGKILL" | "SIGTERM") => Effect.Effect<number | null>
  /** Sends a signal to the process if it runs, and waits for nothing; answers its id, undefined when none runs. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<number | undefined>
  /** The end of the process that runs: its id, its exit code or null after a signal, and what it said last. */
  readonly ended: Effect.Effect<Ended | undefined>
}

export interface Ended {
  readonly pid: number
  readonly code: number | null
  readonly output: string
}

const isReady = (admin: number) =>
  Effect.promise((signal) =>
    fetch(`http://127.0.0.1:${admin}/health/ready`, { signal }).then((answer) => answer.ok, () => false)
  )

/** A replica that is not running yet; it goes with the scope. */
export const replica = Effect.fnUntraced(function*(
  service: ServiceName,
  nth: number,
  env: Readonly<Record<string, string>>,
  logs?: string
) {
  const name = `${service}-${nth}`
  const port = yield* freePort
  const admin = yield* freePort
  const file = path.join(import.meta.dirname, `../../../${service}/src/main.ts`)
  const living = yield* Ref.make<{ readonly child: Child; readonly scope: Scope.Closeable } | undefined>(undefined)
  const outer = yield* Scope.Scope

  const start = Effect.gen(function*() {
    const former = yield* Ref.get(living)
    if (former !== undefined) yield* Scope.close(former.scope, Exit.void)
    const scope = yield* Scope.fork(outer)
    const child = yield* run([], {
      ...env,
      HOSTNAME: name,
      HTTP_PORT: String(port),
      ADMIN_PORT: String(admin)
    }, { file, log: logs === undefined ? undefined : path.join(logs, `${name}.log`) }).pipe(Scope.provide(scope))
    yield* Ref.set(living, { child, scope })
    const died = Effect.gen(function*() {
      const code = yield* child.ended
      return yield* new NotKept({ reason: `${name} ended with ${code} while it started:\n${yield* child.output}` })
    })
    yield* isReady(admin).pipe(
      Effect.repeat({ until: (ready) => ready, schedule: Schedule.spaced("200 millis") }),
      Effect.raceFirst(died),
      Effect.timeoutOrElse({
        duration: "120 seconds",
        orElse: () =>
          Effect.flatMap(
            child.output,
            (output) => Effect.fail(new NotKept({ reason: `${name} was not ready within 120 s:\n${output}` }))
          )
      })
    )
  })

  return {
    name,
    service,
    port,
    admin,
    pid: Effect.map(Ref.get(living), (process) => process?.child.pid),
    start,
    signal: Effect.fnUntraced(function*(signal) {
      const process = yield* Ref.get(living)
      if (process === undefined) return undefined
      return (yield* process.child.signal(signal)) ? process.child.pid : undefined
    }),
    ended: Effect.gen(function*() {
      const process = yield* Ref.get(living)
      if (process === undefined) return undefined
      const code = yield* process.child.ended
      return { pid: process.child.pid, code, output: yield* process.child.output }
    }),
    end: Effect.fnUntraced(function*(signal) {
      const process = yield* Ref.getAndSet(living, undefined)
      if (process === undefined) return null
      yield* process.child.kill(signal)
      const code = yield* process.child.ended
      yield* Scope.close(process.scope, Exit.void)
      return code
    })
  } satisfies Replica
})
