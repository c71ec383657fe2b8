// Everything that must hold besides the tests, in one command. CI runs this very file.
import { existsSync } from "node:fs"
import { checkPlantedEffects, checkPlantedImports } from "./planted.mjs"
import { checkBreaking, checkGenerated } from "./proto.mjs"
import { failed, passed, runSteps, runTool, toolStep } from "./steps.mjs"

/** The web package has a compiler configuration of its own: browser code, JSX. */
const types = async () => {
  const projects = ["tsconfig.json", "packages/web/tsconfig.json"].filter((file) => existsSync(file))
  for (const project of projects) {
    const { code, text } = await runTool(["typescript", "tsc"], ["--noEmit", "--pretty", "false", "-p", project])
    if (code !== 0) return failed(text)
  }
  return passed(projects.join(", "))
}

/** A run that looked at no file would be as green as a clean one. */
const someFiles = (bin, args, count) => async () => {
  const { code, text } = await runTool(bin, args)
  const files = Number(count.exec(text)?.[1] ?? 0)
  if (code !== 0) return failed(text)
  return files === 0 ? failed(`${text}\nNo file was looked at.`) : passed(`${files} files`)
}

const effectArgs = [
  "diagnostics",
  "--project",
  "tsconfig.json",
  "--format",
  "text",
  "--strict",
  "--severity",
  "error,warning"
]

const checks = {
  "types": types,
  "effect": someFiles(["@effect/tsgo", "effect-tsgo"], effectArgs, /Checked (\d+) files/),
  "lint": someFiles(["oxlint"], ["--format=default", "--deny-warnings"], /on (\d+) files/),
  "format": toolStep(["dprint"], ["check", "--list-different"]),
  "unused": toolStep(["knip"], ["--no-progress"]),
  "planted imports": checkPlantedImports,
  "planted effects": checkPlantedEffects,
  "proto lint": toolStep(["@bufbuild/buf", "buf"], ["lint"]),
  "proto format": toolStep(["@bufbuild/buf", "buf"], ["format", "--diff", "--exit-code"]),
  "proto generated": checkGenerated,
  "proto breaking": checkBreaking
}

const failures = await runSteps(checks, 2)
const total = Object.keys(checks).length
process.stdout.write(`\n${total - failures} of ${total} checks hold.\n`)
if (failures > 0) {
  process.stdout.write("`npm run fix` mends what a tool can mend.\n")
  process.exitCode = 1
}
