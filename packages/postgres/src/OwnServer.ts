import { Effect, Exit, Option, Redacted, Ref, Scope, Semaphore } from "effect"
import { clusterFiles } from "./ClusterFiles.ts"
import { type EmbeddedPostgresError, start } from "./EmbeddedPostgres.ts"
import { withRealClock } from "./RealClock.ts"
import { signalAll } from "./ServerProcesses.ts"
import { preparedFolder } from "./TestFolder.ts"

/** A server that one test may stop, kill and freeze. Its URL stays the same through all of that. */
export interface OwnServer {
  /** Of an empty database. */
  readonly url: Redacted.Redacted
  /** Does nothing while it runs. */
  readonly start: Effect.Effect<void, EmbeddedPostgresError>
  /** As at a planned restart: connections are closed, everything is written. */
  readonly stop: Effect.Effect<void, EmbeddedPostgresError>
  readonly restart: Effect.Effect<void, EmbeddedPostgresError>
  /** SIGKILL to every process of the server, as when the machine dies: the next start recovers. */
  readonly kill: Effect.Effect<void, EmbeddedPostgresError>
  /** SIGSTOP: connections stay open and nothing answers any more. */
  readonly pause: Effect.Effect<void, EmbeddedPostgresError>
  readonly resume: Effect.Effect<void, EmbeddedPostgresError>
}

/** Settings of servers for tests: many connections, little room taken by their logs, and nothing outside their folder. */
export const testSettings = {
  max_connections: "400",
  max_wal_size: "128MB",
  min_wal_size: "32MB",
  dynamic_shared_memory_type: "mmap"
}

const database = "test"

export const ownServer: Effect.Effect<OwnServer, EmbeddedPostgresError, Scope.Scope> = Effect.gen(function*() {
  const dataDir = yield* preparedFolder
  const files = clusterFiles(dataDir)
  const running = yield* Ref.make(Option.none<Scope.Closeable>())
  const oneAtATime = yield* Semaphore.make(1)

  const launch = (port: { readonly port?: number }) =>
    Effect.uninterruptible(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const server = yield* start({ dataDir, databases: [database], settings: testSettings, ...port }).pipe(
        Scope.provide(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      yield* Ref.set(running, Option.some(scope))
      return server
    }))

  const resume = signalAll(files, "SIGCONT")
  const end = Effect.flatMap(
    Ref.getAndSet(running, Option.none()),
    Option.match({
      onNone: () => Effect.void,
      onSome: (scope) => Scope.close(scope, Exit.void)
    })
  )
  // A frozen server could not hear that it is to stop.
  const stop = Effect.andThen(resume, end)

  yield* Effect.addFinalizer(() => Effect.orDie(stop))
  const { port, urls } = yield* launch({})
  const again = Effect.flatMap(Ref.get(running), (scope) => Option.isSome(scope) ? Effect.void : launch({ port }))
  const alone = <A, E>(self: Effect.Effect<A, E>) => oneAtATime.withPermits(1)(self).pipe(Effect.asVoid, withRealClock)
  return {
    url: urls[database] ?? Redacted.make(""),
    start: alone(again),
    stop: alone(stop),
    restart: alone(Effect.andThen(stop, again)),
    kill: alone(Effect.andThen(signalAll(files, "SIGKILL"), end)),
    pause: alone(signalAll(files, "SIGSTOP")),
    resume: alone(resume)
  }
}).pipe(withRealClock)
