import { AccountId, OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { OrderStatus } from "@g-store/contracts/Order.ts"
import { Context, Effect, FileSystem, Layer, Option, type PlatformError, Schema, Stream } from "effect"

/** One acknowledged 201 or 204: what the store has promised never to forget. */
export const JournalEntry = Schema.Union([
  Schema.TaggedStruct("OrderCreated", { orderId: OrderId, userId: UserId, amount: Schema.Int }),
  Schema.TaggedStruct("OrderCancelled", { orderId: OrderId, reason: Schema.String }),
  Schema.TaggedStruct("StatusChanged", { orderId: OrderId, status: OrderStatus }),
  Schema.TaggedStruct("AccountOpened", { accountId: AccountId, userId: UserId }),
  Schema.TaggedStruct("ToppedUp", { accountId: AccountId, amount: Schema.Int })
])
export type JournalEntry = typeof JournalEntry.Type

const Line = Schema.fromJsonString(JournalEntry)

/** The journal cannot be written where it was named. */
export class JournalUnwritable extends Schema.TaggedError<JournalUnwritable>()("JournalUnwritable", {
  file: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `the journal ${this.file} cannot be written: ${this.reason}`
  }
}

const whyUnwritable = ({ message, reason }: PlatformError.PlatformError): string =>
  reason._tag === "NotFound"
    ? "there is no such folder"
    : reason._tag === "PermissionDenied"
    ? "it is not allowed to"
    : message

/** Where acknowledged answers are written down, one JSON line each, before anything else is done with them. */
export class Journal extends Context.Service<Journal, {
  readonly append: (entry: JournalEntry) => Effect.Effect<void>
}>()("@g-store/g-store/Journal") {
  static readonly layerNone = Layer.succeed(Journal, Journal.of({ append: () => Effect.void }))

  /** Appends to the file: several runs may share one journal. */
  static readonly layerFile = (path: string) =>
    Layer.effect(
      Journal,
      Effect.gen(function*() {
        const file = yield* (yield* FileSystem.FileSystem).open(path, { flag: "a" }).pipe(
          Effect.mapError((error) => new JournalUnwritable({ file: path, reason: whyUnwritable(error) }))
        )
        const encoder = new TextEncoder()
        const encode = Schema.encodeEffect(Line)
        return Journal.of({
          append: (entry) =>
            encode(entry).pipe(
              Effect.flatMap((line) => file.writeAll(encoder.encode(line + "\n"))),
              Effect.orDie
            )
        })
      })
    )
}

/** A line of a journal that holds no entry: what it said is lost, so the journal proves nothing. */
export class JournalLineUnreadable extends Schema.TaggedError<JournalLineUnreadable>()("JournalLineUnreadable", {
  line: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `line ${this.line} is no entry`
  }
}

/** Stands behind the text, so that what comes before it on its line is what no line end ended. */
const END = "\u0000"

/**
 * The entries of a journal file. A last line cut short by a killed writer was never acknowledged and is left out; any
 * other line that cannot be read is a failure.
 */
export const readJournal = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const decode = Schema.decodeEffect(Line)
  const lines = fs.stream(path).pipe(Stream.decodeText, Stream.concat(Stream.make(END)), Stream.splitLines)
  const read = (line: string, index: number) => {
    const cut = line.endsWith(END)
    return decode(cut ? line.slice(0, -1) : line).pipe(
      Effect.asSome,
      Effect.catch((cause) =>
        cut ? Effect.succeedNone : Effect.fail(new JournalLineUnreadable({ line: index + 1, cause }))
      )
    )
  }
  return (yield* lines.pipe(
    Stream.zipWithIndex,
    Stream.mapEffect(([line, index]) => read(line, index)),
    Stream.runCollect
  ))
    .flatMap(Option.toArray)
})
