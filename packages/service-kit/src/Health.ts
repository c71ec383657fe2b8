import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { Context, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { shutdownDelay } from "./ServiceConfig.ts"

/** What `/health/ready` says. `degraded` still serves: orders are accepted into the outbox while the broker is away. */
export interface Readiness {
  readonly status: "ready" | "degraded" | "starting" | "unready" | "stopping"
  readonly reasons: ReadonlyArray<string>
}

/** Whether a process may be sent requests, and why not. */
export class Health extends Context.Service<Health, {
  /** A check that readiness asks every time; what it fails with is the reason. Taken back when the scope closes. */
  readonly require: (name: string, check: Effect.Effect<void, string>) => Effect.Effect<void>
  /** Delivery whose consumers must have joined, and whose troubles degrade. */
  readonly watch: (messaging: MessagingHealth["Service"]) => Effect.Effect<void>
  /** Everything is built: from here on the checks decide. */
  readonly started: Effect.Effect<void>
  /** The stop was asked for: unready at once, so that nobody sends more. */
  readonly stopping: Effect.Effect<void>
  /** Something to do as soon as the stop was asked for, while requests are still taken. */
  readonly whenStopping: (action: Effect.Effect<void>) => Effect.Effect<void>
  readonly readiness: Effect.Effect<Readiness>
}>()("@g-store/service-kit/Health") {
  static readonly layer = Layer.sync(Health, () => {
    const checks = new Map<string, Effect.Effect<void, string>>()
    const watched = new Set<MessagingHealth["Service"]>()
    const actions = new Set<Effect.Effect<void>>()
    let phase: "starting" | "started" | "stopping" = "starting"

    const failures = Effect.suspend(() =>
      Effect.forEach(checks, ([name, check]) =>
        check.pipe(
          Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => Effect.fail("no answer within 2 seconds") }),
          Effect.as(undefined),
          Effect.catch((reason) => Effect.succeed(`${name}: ${reason}`))
        ), { concurrency: "unbounded" })
    ).pipe(Effect.map((found) => found.filter((reason) => reason !== undefined)))

    const readiness = Effect.gen(function*() {
      const faults = yield* failures
      if (phase === "stopping") return { status: "stopping", reasons: ["the process is stopping"] } as const
      if (phase === "starting") return { status: "starting", reasons: ["the process is starting", ...faults] } as const
      if (faults.length > 0) return { status: "unready", reasons: faults } as const
      const joined = yield* Effect.forEach(watched, (messaging) => messaging.allJoined)
      const reasons = (yield* Effect.forEach(watched, (messaging) => messaging.reasons)).flat()
      if (!joined.every((all) => all)) {
        return {
          status: "unready",
          reasons: ["a consumer has not joined its group since the start", ...reasons]
        } as const
      }
      return { status: reasons.length === 0 ? "ready" : "degraded", reasons } as const
    })

    return Health.of({
      readiness,
      require: (name, check) => Effect.sync(() => void checks.set(name, check)),
      watch: (messaging) => Effect.sync(() => void watched.add(messaging)),
      started: Effect.sync(() => {
        phase = "started"
      }),
      stopping: Effect.suspend(() => {
        phase = "stopping"
        return Effect.forEach(actions, (action) => action, { discard: true })
      }),
      whenStopping: (action) => Effect.sync(() => void actions.add(action))
    })
  })
}

/** Readiness asks the database of this layer, under a name that the operator knows. */
export const databaseHealth = (name: string) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const health = yield* Health
    const sql = yield* SqlClient.SqlClient
    // The driver's message stays in the log: readiness is read by machines outside.
    yield* health.require(
      `database ${name}`,
      sql`SELECT 1`.pipe(
        Effect.asVoid,
        Effect.catch((error) =>
          Effect.andThen(Effect.logDebug("readiness check failed", error), Effect.fail("cannot be reached"))
        )
      )
    )
  }))

/** Readiness watches the consumers and the relay of this layer, if there are any. */
export const messagingHealth = Layer.effectDiscard(Effect.gen(function*() {
  const messaging = yield* Effect.serviceOption(MessagingHealth)
  if (Option.isSome(messaging)) yield* (yield* Health).watch(messaging.value)
}))

/**
 * Ready once `layer` is built, unready as soon as it is to close: put it around everything that serves. It is left open
 * for SHUTDOWN_DELAY more.
 */
export const readyWhile = <A, E, R>(layer: Layer.Layer<A, E, R>) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const health = yield* Health
    const delay = yield* shutdownDelay
    yield* health.started
    yield* Effect.addFinalizer(() =>
      Duration.isZero(delay) ? health.stopping : Effect.andThen(health.stopping, Effect.sleep(delay))
    )
  })).pipe(Layer.provideMerge(layer))
