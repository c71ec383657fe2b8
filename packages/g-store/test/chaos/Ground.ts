import { type OwnKafka, ownKafka, ownKafkaBehind } from "@g-store/local-kafka/LocalKafka.ts"
import { type OwnServer, ownServer } from "@g-store/postgres/TestPostgres.ts"
import { type TestProxy, testProxy } from "@g-store/postgres/TestProxy.ts"
import { Deferred, Effect, Redacted } from "effect"

/** What a store stands on, and may lose for a while: a Kafka and a PostgreSQL of its own. */
export interface Ground {
  readonly kafka: OwnKafka
  readonly postgres: OwnServer
  /** The way to PostgreSQL for whoever uses the store; its database's name is to be replaced. */
  readonly url: URL
}

/** Everything reaches each other directly. It goes with the scope. */
export const ground = Effect.gen(function*() {
  const kafka = yield* ownKafka
  const postgres = yield* ownServer
  return { kafka, postgres, url: new URL(Redacted.value(postgres.url)) } satisfies Ground
})

/** A proxy stands in front of Kafka and another one in front of PostgreSQL: the network, which may be broken. */
export const groundBehindProxies = Effect.gen(function*() {
  const postgres = yield* ownServer
  const url = new URL(Redacted.value(postgres.url))
  const toPostgres = yield* testProxy(Number(url.port))
  url.port = String(toPostgres.port)
  // The broker has to tell clients of the proxy before it starts, so the proxy comes in between.
  const front = yield* Deferred.make<TestProxy>()
  const kafka = yield* ownKafkaBehind((port) =>
    testProxy(port).pipe(Effect.tap((made) => Deferred.succeed(front, made)), Effect.map((made) => made.port))
  )
  const toKafka = yield* Deferred.await(front)
  return { ground: { kafka, postgres, url } satisfies Ground, toKafka, toPostgres }
})
