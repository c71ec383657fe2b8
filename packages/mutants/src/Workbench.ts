import { Effect, Schema } from "effect"
import { execFileSync, spawn } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { type Edit, edited, type Witness } from "./Mutant.ts"
import { VitestReport } from "./Verdict.ts"

/** The check itself could not be made. */
export class NotTried extends Schema.TaggedError<NotTried>()("NotTried", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

const decodeReport = Schema.decodeUnknownEffect(Schema.fromJsonString(VitestReport))

const read = (report: string) =>
  decodeReport(readFileSync(report, "utf8")).pipe(
    Effect.mapError(({ message }) => new NotTried({ reason: `vitest's report cannot be read: ${message}` }))
  )

/** The working tree's files: tracked or new, and not ignored. */
const filesOf = (root: string): ReadonlyArray<string> =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024
  }).split("\0").filter((file) => file !== "" && existsSync(path.join(root, file)))

/**
 * Links what a package depends on. Links to packages of the workspace lead to their copies: linked as a whole, the folder
 * would lead to the originals, and no mutant would ever be met from another package.
 */
const linkModules = (root: string, copy: string, folder: string): void => {
  mkdirSync(path.join(copy, folder), { recursive: true })
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const at = path.join(folder, entry.name)
    if (entry.isDirectory() && entry.name.startsWith("@")) linkModules(root, copy, at)
    else {
      const target = realpathSync(path.join(root, at))
      const inside = path.relative(path.join(root, "packages"), target)
      const isOurs = !inside.startsWith("..") && !inside.includes("node_modules")
      symlinkSync(isOurs ? path.join(copy, "packages", inside) : target, path.join(copy, at))
    }
  }
}

const makeCopy = (root: string, commit: string | undefined): string => {
  const copy = mkdtempSync(path.join(tmpdir(), "g-store-mutants-"))
  if (commit !== undefined) {
    const archive = execFileSync("git", ["archive", "--format=tar", commit], {
      cwd: root,
      maxBuffer: 1024 * 1024 * 1024
    })
    execFileSync("tar", ["-x", "-C", copy], { input: archive })
  } else {
    for (const file of filesOf(root)) {
      mkdirSync(path.dirname(path.join(copy, file)), { recursive: true })
      copyFileSync(path.join(root, file), path.join(copy, file))
    }
  }
  symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"))
  for (const name of readdirSync(path.join(copy, "packages"))) {
    const modules = path.join("packages", name, "node_modules")
    if (existsSync(path.join(root, modules))) linkModules(root, copy, modules)
  }
  return copy
}

/** Runs a script of node_modules to its end. Too long, and it goes with all that it started. */
const run = (cwd: string, args: ReadonlyArray<string>, millis: number) =>
  Effect.callback<string, NotTried>((resume) => {
    const child = spawn(process.execPath, args, { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] })
    let text = ""
    child.stdout.on("data", (chunk) => (text += chunk))
    child.stderr.on("data", (chunk) => (text += chunk))
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
      } catch {
        // It is gone already.
      }
    }
    const limit = setTimeout(() => {
      end()
      resume(Effect.fail(new NotTried({ reason: `took more than ${millis / 1_000} s` })))
    }, millis)
    child.on("close", () => {
      clearTimeout(limit)
      resume(Effect.succeed(text))
    })
    return Effect.sync(() => {
      clearTimeout(limit)
      end()
    })
  })

/** A copy of the working tree, or of a commit, to plant mutants in; gone with the scope. */
export const makeWorkbench = Effect.fnUntraced(function*(root: string, commit: string | undefined) {
  const copy = yield* Effect.acquireRelease(
    Effect.sync(() => makeCopy(root, commit)),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

  const plant = (edits: ReadonlyArray<Edit>) =>
    Effect.gen(function*() {
      for (const edit of edits) {
        const file = path.join(copy, edit.file)
        const result = existsSync(file)
          ? edited(readFileSync(file, "utf8"), edit)
          : { fault: `there is no ${edit.file}` }
        if ("fault" in result) return yield* new NotTried({ reason: result.fault })
        writeFileSync(file, result.text)
      }
    })
  return {
    /** Makes the edits for as long as the effect runs. */
    planted: <A, E, R>(edits: ReadonlyArray<Edit>, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | NotTried, R> =>
      Effect.suspend(() => {
        const originals = new Map(
          edits.map(({ file }) => path.join(copy, file)).filter((file) => existsSync(file))
            .map((file) => [file, readFileSync(file, "utf8")])
        )
        const restore = Effect.sync(() => originals.forEach((text, file) => writeFileSync(file, text)))
        return Effect.ensuring(Effect.andThen(plant(edits), effect), restore)
      }),

    /** What the compiler finds wrong, a line each. */
    compile: run(
      copy,
      [
        "node_modules/typescript/bin/tsc",
        "-p",
        "tsconfig.json",
        "--noEmit",
        "--pretty",
        "false",
        "--incremental",
        "--tsBuildInfoFile",
        path.join(copy, ".tsbuildinfo")
      ],
      180_000
    ).pipe(Effect.map((text) => text.split("\n").filter((line) => line.includes("error TS")))),

    /** Runs these tests, and no others of their files. */
    test: (witnesses: ReadonlyArray<Witness>, millis: number) => {
      const files = new Set(witnesses.map(({ file }) => file))
      const names = [...new Set(witnesses.map(({ test }) => test.replaceAll(/[^\w\s]/g, "\\$&")))].join("|")
      const report = path.join(copy, ".vitest-report.json")
      const args = ["run", "--config", "vitest.workspace.ts", "--reporter=json", `--outputFile=${report}`, "-t", names]
      return Effect.sync(() => rmSync(report, { force: true })).pipe(
        Effect.andThen(run(copy, ["node_modules/vitest/vitest.mjs", ...args, ...files], millis)),
        Effect.flatMap((text) =>
          Effect.gen(function*() {
            const found = existsSync(report)
              ? yield* read(report)
              : undefined
            if (found !== undefined && found.testResults.length > 0) return found
            return yield* new NotTried({ reason: `vitest reported nothing, but said: ${text.trim().slice(-2_000)}` })
          })
        )
      )
    }
  }
})

export type Workbench = Effect.Success<ReturnType<typeof makeWorkbench>>
