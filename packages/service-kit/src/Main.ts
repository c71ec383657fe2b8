import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { launch } from "@g-store/messaging/Supervisor.ts"
import { Cause, Config, Effect, Exit, type Layer, Schema } from "effect"
import { scrubbed } from "./LogLine.ts"
import { configLine } from "./Variable.ts"

/** A start that is refused for a reason that the operator can mend; `message` is the one line to read. */
export class StartRefused extends Schema.TaggedError<StartRefused>()("StartRefused", { message: Schema.String }) {}

const lineOf = (error: unknown): string | undefined => {
  if (error instanceof Config.ConfigError) return configLine(error)
  return error instanceof Error && "_tag" in error ? error.message : undefined
}

/** What the operator reads when a process ends by itself: one line for what was foreseen, all of it for what was not. */
export const failureText = (cause: Cause.Cause<unknown>): string => {
  const lines = cause.reasons.map((reason) => (reason._tag === "Fail" ? lineOf(reason.error) : undefined))
  const known = lines.filter((line) => line !== undefined)
  return scrubbed(known.length > 0 ? known.join("\n") : Cause.pretty(cause))
}

/** SIGTERM means: be gone within 10 seconds, and whoever sent it kills after that. */
const LONGEST_STOP_MILLIS = 9_500

/**
 * Runs a process: builds `layer`, keeps it until SIGINT or SIGTERM, exits 0 when it was told to stop. A start that
 * fails prints what to mend on one line and exits 1; so does a supervisor that gives up.
 */
export const runProcess = <A, E>(layer: Layer.Layer<A, E>): void => {
  const bounded = () => void setTimeout(() => process.exit(1), LONGEST_STOP_MILLIS).unref()
  process.once("SIGTERM", bounded)
  process.once("SIGINT", bounded)
  NodeRuntime.runMain(
    launch(layer).pipe(
      Effect.tapCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.sync(() => process.stderr.write(`${failureText(cause)}\n`))
      )
    ),
    {
      disableErrorReporting: true,
      teardown: (exit, done) => done(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
    }
  )
}
