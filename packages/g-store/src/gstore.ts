import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { failureText } from "@g-store/service-kit/Main.ts"
import { Cause, Effect, Layer, Option, Runtime, Schema } from "effect"
import { CliError, Command } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { audit } from "./commands/audit.ts"
import { deadLetters } from "./commands/deadLetters.ts"
import { demo } from "./commands/demo.ts"
import { migrate } from "./commands/migrate.ts"
import { outbox } from "./commands/outbox.ts"
import { start } from "./commands/start.ts"
import { token } from "./commands/token.ts"

/** A command that could not do its work: one line, exit code 2, so that a script can tell it from a failed audit. */
class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", { reason: Schema.String }) {
  override get [CliError.userMessage]() {
    return this.reason
  }
  override readonly [Runtime.errorExitCode] = 2
}

const gstore = Command.make("gstore").pipe(
  Command.withDescription("Runs and looks after a g-store"),
  Command.withSubcommands([start, migrate, token, deadLetters, outbox, demo, audit])
)

/** What was foreseen is a line to read, not a stack. Errors that know what to say, and the parser's own, stay as they are. */
const explained = <E>(cause: Cause.Cause<E>): Effect.Effect<never, E | CommandFailed> => {
  const error = Cause.findErrorOption(cause)
  if (Option.isNone(error) || CliError.isCliError(error.value)) return Effect.failCause(cause)
  return CliError.userMessage in Object(error.value)
    ? Effect.failCause(cause)
    : Effect.fail(new CommandFailed({ reason: failureText(cause) }))
}

const Platform = Layer.mergeAll(NodeServices.layer, NodeHttpClient.layerUndici, SecureRandom.layerWebCrypto)

NodeRuntime.runMain(
  Command.run(gstore, { version: "1.0.0" }).pipe(Effect.catchCause(explained), Effect.provide(Platform))
)
