import { Deferred, Effect, Schedule, Schema } from "effect"
import { spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"

/** A program that a part needs ended early, or did not do its work. */
export class ProgramFailed extends Schema.TaggedError<ProgramFailed>()("ProgramFailed", {
  what: Schema.String,
  output: Schema.String
}) {
  override get message(): string {
    return `${this.what}:\n${this.output}`
  }
}

export interface Program {
  readonly pid: number
  /** Done once the text was printed; fails when the program ends before. */
  readonly printed: (text: string) => Effect.Effect<void, ProgramFailed>
  /** All that it printed, once it has ended with 0; fails otherwise. */
  readonly output: Effect.Effect<string, ProgramFailed>
}

export interface ProgramOptions {
  readonly command?: string
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  /** A file for standard output, which is cheaper than reading it; kept in memory if absent. */
  readonly log?: string
  /** Lines go to our own standard output too: the program shows its progress by itself. */
  readonly shown?: boolean
}

const KEPT = 64_000

/** Runs a program, Node's own if none is named, until it ends or the scope does. */
export const program = Effect.fnUntraced(function*(options: ProgramOptions) {
  const ended = yield* Deferred.make<number | null>()
  const command = options.command ?? process.execPath
  const name = [command, ...options.args].map((part) => part.split("/").slice(-3).join("/")).join(" ")
  let output = ""
  let seen: () => void = () => {}
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const log = options.log === undefined ? undefined : openSync(options.log, "w")
      const spawned = spawn(command, [...options.args], {
        env: { ...process.env, ...options.env },
        stdio: ["ignore", log ?? "pipe", "pipe"]
      })
      if (log !== undefined) closeSync(log)
      const read = (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-KEPT)
        if (options.shown === true) process.stdout.write(chunk)
        seen()
      }
      spawned.stderr?.on("data", read)
      spawned.stdout?.on("data", read)
      spawned.once("error", (cause) => {
        output += cause.message
        Deferred.doneUnsafe(ended, Effect.succeed(-1))
      })
      spawned.once("close", (code) => {
        Deferred.doneUnsafe(ended, Effect.succeed(code))
        seen()
      })
      return spawned
    }),
    (spawned) =>
      spawned.exitCode === null && spawned.signalCode === null && spawned.pid !== undefined
        ? Effect.andThen(Effect.sync(() => spawned.kill("SIGTERM")), Deferred.await(ended)).pipe(
          Effect.timeoutOrElse({
            duration: "15 seconds",
            orElse: () => Effect.andThen(Effect.sync(() => spawned.kill("SIGKILL")), Deferred.await(ended))
          })
        )
        : Effect.void
  )
  const failed = (what: string) => new ProgramFailed({ what: `${name} ${what}`, output: logged().slice(-4_000) })
  const logged = () => options.log === undefined ? output : output + readFileSync(options.log, "utf8")
  const shows = (text: string) =>
    options.log === undefined
      ? Effect.callback<void>((resume) => {
        seen = () => {
          if (output.includes(text)) resume(Effect.void)
        }
        seen()
      })
      : Effect.sync(() => logged().includes(text)).pipe(
        Effect.repeat({ until: (is) => is, schedule: Schedule.spaced("20 millis") })
      )
  return {
    pid: child.pid ?? 0,
    printed: (text) =>
      Effect.raceFirst(
        shows(text),
        Effect.flatMap(Deferred.await(ended), () => Effect.fail(failed(`ended before it printed "${text}"`)))
      ),
    output: Effect.flatMap(
      Deferred.await(ended),
      (code) => code === 0 ? Effect.succeed(output) : Effect.fail(failed(`ended with ${code}`))
    )
  } satisfies Program
})
