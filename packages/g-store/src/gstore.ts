import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { failureText } from "@g-store/service-kit/Main.ts"
import { Cause, Console, Effect, Layer, Option, Runtime, Schema } from "effect"
import { CliError, Command } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { audit } from "./commands/audit.ts"
import { deadLetters } from "./commands/deadLetters.ts"
import { demo } from "./commands/demo.ts"
import { migrate } from "./commands/migrate.ts"
import { outbox } from "./commands/outbox.ts"
import { start } from "./commands/start.ts"
import { token } from "./commands/token.ts"

/** A command that could not do its work: exit code 2, so that a script can tell it from a failed audit. */
class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
  override readonly [Runtime.errorExitCode] = 2
}

const gstore = Command.make("gstore").pipe(
  Command.withDescription("Runs and looks after a g-store"),
  Command.withSubcommands([start, migrate, token, deadLetters, outbox, demo, audit])
)

/**
 * What was foreseen is a line to read, not a stack. Errors that say what to print were printed by the parser, as was help
 * that was asked for, which is no failure; Ctrl-C needs no words.
 */
const explained = <E>(cause: Cause.Cause<E>): Effect.Effect<never, E | CommandFailed> => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (CliError.isCliError(error) && Runtime.getErrorExitCode(error) !== 0) {
    return Effect.fail(new CommandFailed({ reason: error.message }))
  }
  const told = CliError.isCliError(error) || CliError.userMessage in Object(error)
  if (told || Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
  const reason = failureText(cause)
  return Effect.andThen(Console.error(`gstore: ${reason}`), Effect.fail(new CommandFailed({ reason })))
}

const Platform = Layer.mergeAll(NodeServices.layer, NodeHttpClient.layerUndici, SecureRandom.layerWebCrypto)

NodeRuntime.runMain(
  Command.run(gstore, { version: "1.0.0" }).pipe(Effect.catchCause(explained), Effect.provide(Platform)),
  { disableErrorReporting: true }
)
