import { Clock, Effect, Schedule } from "effect"
import type { NotKept } from "../chaos/NotKept.ts"
import type { Replica } from "../chaos/Replica.ts"
import type { Recoveries } from "./Recoveries.ts"

/** What became of the processes under supervision. */
export interface Supervision {
  /** SIGKILL, as soon as there is a process to kill. */
  readonly kill: (replica: Replica) => Effect.Effect<void>
  /** Restarts for ever what ended. Fails when a process that lives does not get ready. */
  readonly keep: (replica: Replica) => Effect.Effect<never, NotKept>
  readonly tally: () => SupervisionTally
}

export interface SupervisionTally {
  /** SIGKILLs by service. */
  readonly kills: ReadonlyMap<string, number>
  /** Processes that ended without having been killed, and what they said last. */
  readonly byThemselves: ReadonlyArray<string>
}

const lastLine = (output: string) => output.trimEnd().split("\n").at(-1) ?? ""

/** As docker's `restart: unless-stopped` does. */
export const supervision = (recoveries: Recoveries): Supervision => {
  const killed = new Set<number>()
  const kills = new Map<string, number>()
  const byThemselves: Array<string> = []

  const kill = Effect.fnUntraced(function*(replica: Replica) {
    const pid = yield* replica.signal("SIGKILL").pipe(
      Effect.repeat({ until: (found) => found !== undefined, schedule: Schedule.spaced("50 millis") })
    )
    if (pid !== undefined) killed.add(pid)
    kills.set(replica.service, (kills.get(replica.service) ?? 0) + 1)
  })

  const keep = (replica: Replica) =>
    Effect.gen(function*() {
      yield* replica.ended
      const began = yield* Clock.currentTimeMillis
      for (let isBack = false; !isBack;) {
        const end = yield* replica.ended
        if (end !== undefined && !killed.has(end.pid)) {
          byThemselves.push(`${replica.name} ended with ${end.code}: ${lastLine(end.output)}`)
        }
        isBack = yield* replica.start.pipe(
          Effect.as(true),
          // It may be struck again, or lose what it starts on, before it is ready; alive but not ready is a fault of its own.
          Effect.catch((error) =>
            Effect.flatMap(
              replica.signal("SIGCONT"),
              (alive) => alive === undefined ? Effect.succeed(false) : Effect.fail(error)
            )
          )
        )
      }
      recoveries.add(`until ready again: ${replica.service}`, (yield* Clock.currentTimeMillis) - began)
    }).pipe(Effect.forever)

  return { kill, keep, tally: () => ({ kills, byThemselves }) }
}
