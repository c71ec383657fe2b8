import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import type { Cluster } from "./Cluster.ts"

/** Done when no outbox holds anything and no order is undecided. */
export const drained = Effect.fnUntraced(
  function*(store: Cluster) {
    const sqlOf = (name: string) =>
      PgClient.makeClient({
        url: Redacted.make(store.direct(name)),
        applicationName: "g-store chaos"
      })
    const orders = yield* sqlOf("orders")
    const payments = yield* sqlOf("payments")
    const waiting = Effect.gen(function*() {
      const [pending] = yield* orders<{ found: boolean }>`
      SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM orders WHERE status = 'PENDING') AS found`
      const [unsent] = yield* payments<{ found: boolean }>`SELECT EXISTS (SELECT FROM outbox) AS found`
      return pending?.found !== false || unsent?.found !== false
    })
    yield* Effect.repeat(waiting, { until: (some) => !some, schedule: Schedule.spaced("250 millis") })
  },
  Effect.scoped,
  Effect.provide(Reactivity.layer)
)
