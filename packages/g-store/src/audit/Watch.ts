import { adminServer } from "@g-store/service-kit/AdminServer.ts"
import { Health, readyWhile } from "@g-store/service-kit/Health.ts"
import { hostInUrl } from "@g-store/service-kit/HostInUrl.ts"
import { Console, type Duration, Effect, Layer, Ref } from "effect"
import { anyDatabases } from "../Databases.ts"
import { addresses } from "../StoreConfig.ts"
import { Auditor } from "./Auditor.ts"

const Admin = Layer.unwrap(
  Effect.map(addresses, ({ adminPort, host }) => adminServer({ host, port: adminPort, variable: "ADMIN_PORT" }))
)

/** The standing audit as a process of its own: ready while it can look, whatever it finds. */
export const Watch = (settle: Duration.Duration) =>
  Layer.unwrap(Effect.gen(function*() {
    const urls = yield* anyDatabases
    const problem = yield* Ref.make<string | undefined>("it has not looked yet")
    const health = yield* Health
    yield* health.require(
      "audit",
      Effect.flatMap(Ref.get(problem), (text) => text === undefined ? Effect.void : Effect.fail(text))
    )
    return readyWhile(Auditor(urls, { settle, told: (text) => Ref.set(problem, text) })).pipe(
      Layer.provide(Announcement)
    )
  })).pipe(Layer.provide(Admin), Layer.provide(Health.layer))

const Announcement = Layer.effectDiscard(
  Effect.flatMap(
    addresses,
    ({ adminPort, host }) =>
      Console.log(`g-store audit watches: metrics http://${hostInUrl(host)}:${adminPort}/metrics`)
  )
)
