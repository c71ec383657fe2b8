import { Deferred, Effect, Exit, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createWriteStream } from "node:fs"
import * as fs from "node:fs/promises"
import * as path from "node:path"

const main = path.join(import.meta.dirname, "../../src/main.ts")

/** A child of ours ended where it should not have, or did not do what it was waited for. */
export class ChildFailed extends Schema.TaggedError<ChildFailed>()("ChildFailed", {
  what: Schema.String,
  output: Schema.String
}) {
  override get message(): string {
    return `${this.what}\n${this.output}`
  }
}

export interface Child {
  readonly pid: number
  /** Sends a signal and waits for nothing; false when the process is gone already. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<boolean>
  /** Sends a signal and waits for the end. */
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The exit code, or null after a signal. */
  readonly ended: Effect.Effect<number | null>
  /** Done once this text was printed; fails when the child ends before. */
  readonly printed: (text: string) => Effect.Effect<void, ChildFailed>
  readonly output: Effect.Effect<string>
}

const KEPT = 4_000

export interface RunOptions {
  /** The program; the CLI's main.ts if absent. */
  readonly file?: string | undefined
  /** A file to which all output is appended. */
  readonly log?: string | undefined
}

/** Runs a program of ours as a process of its own, and sees that it is gone when the scope ends. */
export const run = Effect.fnUntraced(function*(
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  { file = main, log }: RunOptions = {}
) {
  const ended = yield* Deferred.make<number | null>()
  let output = ""
  const waiting = new Map<string, Deferred.Deferred<void, ChildFailed>>()
  const child: ChildProcess = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const spawned = spawn(process.execPath, [file, ...args], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const read = (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-KEPT)
        for (const [text, seen] of waiting) if (output.includes(text)) Deferred.doneUnsafe(seen, Exit.void)
      }
      const written = log === undefined ? undefined : createWriteStream(log, { flags: "a" })
      for (const out of [spawned.stdout, spawned.stderr]) {
        out.on("data", read)
        if (written !== undefined) out.pipe(written, { end: false })
      }
      spawned.once("close", (code) => {
        written?.end()
        Deferred.doneUnsafe(ended, Exit.succeed(code))
        for (const [text, seen] of waiting) {
          Deferred.doneUnsafe(
            seen,
            Exit.fail(new ChildFailed({ what: `it ended before it printed "${text}"`, output }))
          )
        }
      })
      return spawned
    }),
    (spawned) =>
      spawned.exitCode === null && spawned.signalCode === null
        ? Effect.andThen(Effect.sync(() => void spawned.kill("SIGKILL")), Deferred.await(ended))
        : Effect.void
  )
  return {
    pid: child.pid ?? 0,
    signal: (signal) => Effect.sync(() => child.kill(signal)),
    kill: (signal) => Effect.andThen(Effect.sync(() => void child.kill(signal)), Effect.asVoid(Deferred.await(ended))),
    ended: Deferred.await(ended),
    printed: Effect.fnUntraced(function*(text) {
      const seen = yield* Deferred.make<void, ChildFailed>()
      waiting.set(text, seen)
      if (output.includes(text)) return
      yield* Deferred.await(seen)
    }),
    output: Effect.sync(() => output)
  } satisfies Child
})

/** The process id of the folder's PostgreSQL server, if one runs. */
export const postmaster = (dataDir: string) =>
  Effect.promise(() =>
    fs.readFile(path.join(dataDir, "postgres/postmaster.pid"), "utf8").then(
      (text) => Number.parseInt(text, 10),
      () => undefined
    )
  )
