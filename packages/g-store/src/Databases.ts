import * as DataFolder from "@g-store/postgres/DataFolder.ts"
import * as EmbeddedPostgres from "@g-store/postgres/EmbeddedPostgres.ts"
import * as RunningPostgres from "@g-store/postgres/RunningPostgres.ts"
import { Deferred, Effect, Layer, type Redacted, Ref, Schedule } from "effect"
import { type DatabaseName, databaseNames, databaseUrls, dataDir } from "./StoreConfig.ts"

/** Where each service's database is. */
export type Urls = Readonly<Record<DatabaseName, Redacted.Redacted>>

const complete = (urls: Partial<Urls>): Effect.Effect<Urls> =>
  Effect.gen(function*() {
    const { notifications, orders, payments } = urls
    if (orders === undefined || payments === undefined || notifications === undefined) {
      return yield* Effect.die(new Error(`databases are missing: ${JSON.stringify(Object.keys(urls))}`))
    }
    return { orders, payments, notifications }
  })

const split = Effect.gen(function*() {
  const named: Partial<Urls> = Object.fromEntries(yield* databaseUrls)
  return { named, embedded: databaseNames.filter((name) => named[name] === undefined) }
})

/**
 * Runs PostgreSQL on the folder for as long as the scope lives. A server that dies by itself is started again where it
 * was, so that the pools find it: the store answers 503 meanwhile and goes on by itself.
 */
const runServer = Effect.fnUntraced(function*(folder: string, databases: ReadonlyArray<DatabaseName>) {
  const first = yield* Deferred.make<EmbeddedPostgres.EmbeddedPostgres, EmbeddedPostgres.EmbeddedPostgresError>()
  const port = yield* Ref.make<number | undefined>(undefined)
  const once = Effect.scoped(Effect.gen(function*() {
    const at = yield* Ref.get(port)
    const server = yield* EmbeddedPostgres.start({
      dataDir: folder,
      databases,
      ...(at === undefined ? {} : { port: at })
    })
    yield* Ref.set(port, server.port)
    yield* Deferred.succeed(first, server)
    return yield* server.exited
  }))
  yield* once.pipe(
    Effect.catch((error) =>
      Effect.flatMap(
        Deferred.fail(first, error),
        (neverRan) =>
          neverRan
            ? Effect.void
            : Effect.andThen(Effect.logError(`PostgreSQL ended: ${error.message}`), Effect.fail(error))
      )
    ),
    Effect.retry(Schedule.spaced("500 millis")),
    Effect.annotateLogs({ module: "postgres" }),
    Effect.forkScoped
  )
  return yield* Deferred.await(first)
})

/** Keeps the data folder for this process: two stores never work on one. Comes before anything that writes there. */
export const OwnFolder = Layer.effectDiscard(Effect.flatMap(dataDir, DataFolder.lock))

/** For the store itself, inside OwnFolder: runs PostgreSQL in the folder for what the environment does not name. */
export const ownDatabases = Effect.gen(function*() {
  const { embedded, named } = yield* split
  const folder = yield* dataDir
  if (embedded.length === 0) return { urls: yield* complete(named), embedded }
  const server = yield* runServer(folder, embedded)
  return { urls: yield* complete({ ...server.urls, ...named }), embedded }
})

/** Those of a running store, or of a stopped one, whose PostgreSQL then runs until the scope ends. */
const reached = Effect.fnUntraced(function*({ embedded, named }: Effect.Success<typeof split>) {
  if (embedded.length === 0) return yield* complete(named)
  const folder = yield* dataDir
  const urls = yield* DataFolder.lock(folder).pipe(
    Effect.andThen(EmbeddedPostgres.start({ dataDir: folder, databases: embedded })),
    Effect.map((server) => server.urls),
    Effect.catchTag("DataFolderInUse", () => RunningPostgres.attach({ dataDir: folder, databases: embedded }))
  )
  return yield* complete({ ...urls, ...named })
})

/** For tools that make a store where there is none. */
export const madeDatabases = Effect.flatMap(split, reached)

/** For tools that look at a store: they make none where the folder's name is misspelt. */
export const anyDatabases = Effect.gen(function*() {
  const found = yield* split
  if (found.embedded.length > 0) yield* DataFolder.holdsStore(yield* dataDir)
  return yield* reached(found)
})
