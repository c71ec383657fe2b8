import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { failed, passed, runTool } from "./steps.mjs"
import { root } from "./workspace.mjs"

const planted = path.join(root, "scripts/planted")

/** What the fixtures below a folder say must be refused, as `file:line rule`. */
const marks = (folder) => {
  const found = new Set()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue
    const file = path.join(entry.parentPath, entry.name)
    for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
      const [, rule] = /\/\/ refused: ([\w-]+)/.exec(line) ?? []
      if (rule !== undefined) found.add(`${path.relative(planted, file)}:${index + 1} ${rule}`)
    }
  }
  return found
}

const compare = (expected, refused) => {
  const unnoticed = [...expected].filter((mark) => !refused.has(mark)).map((mark) => `goes unnoticed: ${mark}`)
  const unexpected = [...refused].filter((mark) => !expected.has(mark)).map((mark) => `refused without need: ${mark}`)
  if (expected.size === 0) return failed("There is no planted violation.")
  const wrong = [...unnoticed, ...unexpected]
  return wrong.length === 0 ? passed(`${expected.size} violations refused`) : failed(wrong.join("\n"))
}

/** Each rule of .oxlintrc.json about folders refuses what it is there to refuse. */
export const checkPlantedImports = async () => {
  // Elsewhere, with a copy of the real rules: those go by folder, counted from where the rules lie.
  const folder = mkdtempSync(path.join(tmpdir(), "g-store-planted-"))
  try {
    cpSync(path.join(planted, "packages"), path.join(folder, "packages"), { recursive: true })
    cpSync(path.join(root, ".oxlintrc.json"), path.join(folder, ".oxlintrc.json"))
    const { text } = await runTool(["oxlint"], ["--format=json"], { cwd: folder })
    const { diagnostics } = JSON.parse(text)
    const refused = new Set(diagnostics.map(({ code, filename, labels }) => {
      const [, rule] = /\((.*)\)/.exec(code)
      return `${filename}:${labels[0].span.line} ${rule}`
    }))
    return compare(marks(path.join(planted, "packages")), refused)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Each of Effect's diagnostics that tsconfig.json makes an error is alive. */
export const checkPlantedEffects = async () => {
  const project = path.join(planted, "tsconfig.json")
  const { text } = await runTool(["@effect/tsgo", "effect-tsgo"], [
    "diagnostics",
    "--project",
    project,
    "--format",
    "json"
  ])
  const { diagnostics } = JSON.parse(text)
  const errors = diagnostics.filter(({ severity }) => severity === "error")
  const refused = errors.map(({ file, line, name }) => `${path.relative(planted, file)}:${line} ${name}`)
  return compare(marks(path.join(planted, "effect")), new Set(refused))
}
