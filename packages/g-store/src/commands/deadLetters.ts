import type { DeadLetter } from "@g-store/messaging/DeadLetters.ts"
import { DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import { DeadLettersPostgres } from "@g-store/messaging/postgres/DeadLettersPostgres.ts"
import { Console, DateTime, Effect, Layer, Option, Runtime, Schema } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { Hex } from "effect/encoding"
import { type DatabaseName, databaseNames } from "../StoreConfig.ts"
import { notBlank } from "./flags.ts"
import { makeInside } from "./Inside.ts"

/** The call names no letter, or not one that is there. */
class DeadLettersRefused extends Schema.TaggedError<DeadLettersRefused>()("DeadLettersRefused", {
  reason: Schema.String
}) {
  override get [CliError.userMessage]() {
    return this.reason
  }
  override readonly [Runtime.errorExitCode] = 2
}

/** Asks each database that keeps dead letters, one after the other. */
const everywhere = Effect.gen(function*() {
  const inside = yield* makeInside
  return <A, E>(ask: (letters: DeadLetters["Service"], database: DatabaseName) => Effect.Effect<A, E>) =>
    Effect.forEach(databaseNames, (name) =>
      inside(
        name,
        Effect.gen(function*() {
          return yield* ask(yield* DeadLetters, name)
        }).pipe(Effect.provide(Layer.fresh(DeadLettersPostgres)))
      ))
})

/** The one database that has the letter answers; a letter that none has is refused. */
const owner = Effect.fnUntraced(function*<A, E>(
  id: string,
  ask: (letters: DeadLetters["Service"]) => Effect.Effect<A, E>
) {
  const answers = yield* (yield* everywhere)((letters) =>
    letters.show(id).pipe(
      Effect.asSome,
      Effect.catchTag("DeadLetterNotFound", () => Effect.succeedNone),
      Effect.flatMap((found) => Option.isNone(found) ? Effect.succeedNone : Effect.asSome(ask(letters)))
    )
  )
  const answer = Option.firstSomeOf(answers)
  if (Option.isNone(answer)) {
    return yield* new DeadLettersRefused({
      reason: `There is no dead letter ${id}: dead-letters list shows those that are.`
    })
  }
  return answer.value
})

const line = (letter: DeadLetter) =>
  [
    letter.id,
    DateTime.formatIso(letter.lastFailedAt),
    letter.consumer,
    letter.message.key ?? "(no key)",
    `${letter.waiting} waiting`,
    letter.state,
    letter.reason
  ].join("  ")

const list = Command.make(
  "list",
  { all: Flag.Boolean("all").pipe(Flag.withDescription("Settled ones too"), Flag.withDefault(false)) },
  Effect.fnUntraced(function*({ all }) {
    const found = yield* (yield* everywhere)((letters) =>
      letters.list({ state: all ? "any" : "unsettled", limit: 1000 })
    )
    const letters = found.flat()
    yield* Console.log(letters.length === 0 ? "No dead letters." : letters.map(line).join("\n"))
  }, Effect.scoped)
).pipe(Command.withDescription("List messages that were set aside, with the reason"))

const letterId = Argument.String("id").pipe(Argument.withDescription("The letter's id, as list shows it"))

const show = Command.make(
  "show",
  { id: letterId },
  Effect.fnUntraced(function*({ id }) {
    const letter = yield* owner(id, (letters) => letters.show(id))
    yield* Console.log(JSON.stringify(
      {
        ...letter,
        firstFailedAt: DateTime.formatIso(letter.firstFailedAt),
        lastFailedAt: DateTime.formatIso(letter.lastFailedAt),
        message: {
          ...letter.message,
          offset: String(letter.message.offset),
          payload: letter.message.payload === null ? null : Hex.encode(letter.message.payload)
        }
      },
      null,
      2
    ))
  }, Effect.scoped)
).pipe(Command.withDescription("Show one with its message, the payload in hex"))

const replay = Command.make(
  "replay",
  {
    id: letterId.pipe(Argument.optional),
    all: Flag.Boolean("all").pipe(Flag.withDescription("Every open one"), Flag.withDefault(false))
  },
  Effect.fnUntraced(function*({ all, id }) {
    if (Option.isSome(id)) {
      yield* owner(id.value, (letters) => letters.replay(id.value))
      return yield* Console.log("Marked: its consumer replays it within a second, or at its next start.")
    }
    if (!all) return yield* new DeadLettersRefused({ reason: "Name a dead letter, or say --all." })
    const counts = yield* (yield* everywhere)((letters) => letters.replayAll())
    yield* Console.log(`Marked ${counts.reduce((sum, count) => sum + count, 0)} dead letters.`)
  }, Effect.scoped)
).pipe(Command.withDescription("Have the message handled again, then those that wait behind it"))

const discard = Command.make(
  "discard",
  { id: letterId, reason: Flag.String("reason").pipe(notBlank, Flag.withDescription("Why, for the record")) },
  Effect.fnUntraced(function*({ id, reason }) {
    yield* owner(id, (letters) => letters.discard(id, reason))
    yield* Console.log("Marked: its consumer drops it within a second, or at its next start.")
  }, Effect.scoped)
).pipe(Command.withDescription("Drop the message; those that wait behind it go on"))

export const deadLetters = Command.make("dead-letters").pipe(
  Command.withDescription("Messages that could not be handled"),
  Command.withSubcommands([list, show, replay, discard])
)
