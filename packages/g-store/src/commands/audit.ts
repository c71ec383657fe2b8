import { launch } from "@g-store/messaging/Supervisor.ts"
import { logging } from "@g-store/service-kit/Logging.ts"
import { retentionFeed } from "@g-store/service-kit/ServiceConfig.ts"
import { Console, Duration, Effect, Layer, Option, Runtime, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { audit as runAudit, type AuditResult } from "../audit/Audit.ts"
import { type Finding, type Invariant, invariants } from "../audit/Finding.ts"
import { Watch } from "../audit/Watch.ts"
import { type JournalEntry, JournalLineUnreadable, readJournal } from "../Journal.ts"
import { within } from "./flags.ts"
import { makeInside } from "./Inside.ts"

/** Invariants do not hold: exit code 1, the offending ids were printed before. */
class AuditFailed extends Schema.TaggedError<AuditFailed>()("AuditFailed", { breaches: Schema.Int }) {
  override get [CliError.userMessage]() {
    return `${this.breaches} breaches of the store's invariants`
  }
  override readonly [Runtime.errorExitCode] = 1
}

/** Flags that only one look at the whole store can serve. */
class WatchRefused extends Schema.TaggedError<WatchRefused>()("WatchRefused", {}) {
  override get [CliError.userMessage]() {
    return "--watch prints no result and reads no journal: leave --json and --journal out, or --watch"
  }
  override readonly [Runtime.errorExitCode] = 2
}

/** The journal that was named is not there, or is none. */
class JournalUnreadable extends Schema.TaggedError<JournalUnreadable>()("JournalUnreadable", {
  file: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const where = this.cause instanceof JournalLineUnreadable ? `, ${this.cause.message}` : ""
    return `the journal ${this.file} cannot be read${where}: it is a file that \`gstore demo --journal FILE\` wrote`
  }
}

const read = (file: string) => Effect.mapError(readJournal(file), (cause) => new JournalUnreadable({ file, cause }))

const SHOWN = 20

const lines = (findings: ReadonlyArray<Finding>) => [
  ...findings.slice(0, SHOWN).map((finding) => `      ${finding.id}  ${finding.detail}`),
  ...(findings.length > SHOWN ? [`      ... and ${findings.length - SHOWN} more`] : [])
]

const report = (result: AuditResult, journal: Option.Option<ReadonlyArray<JournalEntry>>): string => {
  const byInvariant = Map.groupBy(result.breaches, (finding) => finding.invariant)
  const names = Object.keys(invariants) as ReadonlyArray<Invariant>
  return [
    `${result.orders} orders, ${
      Option.isSome(journal) ? `${result.journalled} journalled answers` : "no journal given"
    }`,
    ...names.flatMap((name) => {
      if (name === "feed-equals-history" && result.feed === "none") {
        return [`  -   ${invariants[name]}: there is no feed`]
      }
      if (name === "journalled-kept" && result.journalled === 0) {
        return [
          `  -   ${invariants[name]}: ${Option.isSome(journal) ? "the journal has 0 entries" : "no journal given"}`
        ]
      }
      const breaches = byInvariant.get(name) ?? []
      return breaches.length === 0
        ? [`  ok  ${invariants[name]}`]
        : [`  NO  ${invariants[name]}: ${breaches.length}`, ...lines(breaches)]
    }),
    ...(result.warnings.length === 0 ? [] : ["  still in flight:", ...lines(result.warnings)])
  ].join("\n")
}

export const audit = Command.make(
  "audit",
  {
    journal: Flag.String("journal").pipe(
      Flag.withDescription("A journal of demo: every acknowledged answer in it must be there"),
      Flag.optional
    ),
    settle: Flag.Finite("settle").pipe(
      within(0, 86_400),
      Flag.withDescription("Seconds that work in flight may take before it counts as a breach"),
      Flag.withDefault(30)
    ),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print the result as JSON"), Flag.withDefault(false)),
    watch: Flag.Boolean("watch").pipe(
      Flag.withDescription("Go on auditing: alerts in the log, metrics on ADMIN_PORT"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function*({ journal, json, settle, watch }) {
    if (watch && (json || Option.isSome(journal))) {
      return yield* new WatchRefused()
    }
    if (watch) return yield* launch(Watch(Duration.seconds(settle)).pipe(Layer.provide(logging("audit"))))
    const entries = Option.isSome(journal) ? Option.some(yield* read(journal.value)) : Option.none()
    const inside = yield* makeInside
    const result = yield* runAudit(inside, {
      journal: Option.getOrElse(entries, () => []),
      settle: Duration.seconds(settle),
      feedRetention: yield* retentionFeed
    })
    // null where no journal was given: 0 is a journal without entries.
    const told = {
      ok: result.breaches.length === 0,
      ...result,
      ...(Option.isNone(entries) ? { journalled: null } : {})
    }
    yield* Console.log(json ? JSON.stringify(told, null, 2) : report(result, entries))
    if (result.breaches.length > 0) return yield* new AuditFailed({ breaches: result.breaches.length })
  }, Effect.scoped)
).pipe(Command.withDescription("Check every invariant of the store over its databases"))
