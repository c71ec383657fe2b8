import { Context, Effect, Layer } from "effect"

/**
 * What is wrong with delivery right now, for readiness to show. Nothing decides by it: a reason only degrades the
 * service, since orders are still accepted into the outbox.
 */
export class MessagingHealth extends Context.Service<MessagingHealth, {
  /** Sets the reason why `component` does not work as it should; undefined takes it back. */
  readonly report: (component: string, reason: string | undefined) => Effect.Effect<void>
  /** The standing reasons as `component: reason`, in the order in which the components first complained. */
  readonly reasons: Effect.Effect<ReadonlyArray<string>>
  /** Announces a consumer that has to join its group before the service counts as ready. Call it while building. */
  readonly expect: (consumer: string) => Effect.Effect<void>
  /** The consumer has joined its group once since start; an empty assignment counts. */
  readonly joined: (consumer: string) => Effect.Effect<void>
  /** Whether every expected consumer has joined once. */
  readonly allJoined: Effect.Effect<boolean>
}>()("@g-store/messaging/MessagingHealth") {
  static readonly layer = Layer.sync(MessagingHealth, () => {
    const wrong = new Map<string, string>()
    const awaited = new Map<string, boolean>()
    return MessagingHealth.of({
      report: (component, reason) =>
        Effect.sync(() => {
          if (reason === undefined) wrong.delete(component)
          else wrong.set(component, reason)
        }),
      reasons: Effect.sync(() => Array.from(wrong, ([component, reason]) => `${component}: ${reason}`)),
      expect: (consumer) => Effect.sync(() => void awaited.set(consumer, awaited.get(consumer) ?? false)),
      joined: (consumer) => Effect.sync(() => void awaited.set(consumer, true)),
      allJoined: Effect.sync(() => [...awaited.values()].every((joined) => joined))
    })
  })
}
