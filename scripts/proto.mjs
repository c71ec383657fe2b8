import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { failed, output, passed, runTool } from "./steps.mjs"
import { root } from "./workspace.mjs"

const buf = ["@bufbuild/buf", "buf"]
const generated = "packages/contracts/src/wire/gen"

/** Writes the TypeScript of the wire format; into the workspace itself, or below another folder. */
export const generate = (into = root) => runTool(buf, ["generate", "--output", into])

const filesIn = (folder) =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      return [path.relative(folder, file), readFileSync(file, "utf8")]
    })
  )

/** The generated code that is committed is what the .proto files give today. */
export const checkGenerated = async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "g-store-generated-"))
  try {
    const { code, text } = await generate(folder)
    if (code !== 0) return failed(text)
    const fresh = filesIn(path.join(folder, generated))
    const kept = filesIn(path.join(root, generated))
    if (fresh.size === 0) return failed("buf generated nothing: see buf.gen.yaml")
    const stale = [...new Set([...fresh.keys(), ...kept.keys()])].filter((file) => fresh.get(file) !== kept.get(file))
    if (stale.length === 0) return passed(`${fresh.size} files`)
    return failed(stale.map((file) => `${generated}/${file} is stale: run \`npm run codegen\``).join("\n"))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The lines that git prints. */
const git = async (...args) => {
  const { code, text } = await output("git", args)
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${text}`)
  return text.trim().split("\n").filter((line) => line !== "")
}

/**
 * What is on the topics stays readable. The .proto files are held against everything released (tags), against where
 * this branch left main, and against what they were before their own last change, which also sees a break that is
 * committed already. A break that is meant is written into buf.yaml, under `breaking`.
 */
export const checkBreaking = async () => {
  if (!existsSync(path.join(root, ".git"))) return passed("not a git clone: nothing to compare with")
  const head = await git("rev-parse", "HEAD")
  const changes = await git("log", "-n", "2", "--format=%H", "--", "proto")
  const hasMain = (await git("branch", "--remotes", "--list", "origin/main")).length > 0
  const forked = hasMain ? await git("merge-base", "HEAD", "origin/main") : []
  const bases = new Set([...head, ...changes, ...forked, ...await git("tag", "--list", "v*")])
  const compared = []
  for (const base of bases) {
    if ((await git("ls-tree", base, "proto/")).length === 0) continue
    const { code, text } = await runTool(buf, ["breaking", "proto", "--against", `.git#ref=${base},subdir=proto`])
    if (code !== 0) return failed(`Compared with ${base}:\n${text}`)
    compared.push(base.slice(0, 12))
  }
  return passed(compared.length === 0 ? "no earlier version" : `against ${compared.join(", ")}`)
}
