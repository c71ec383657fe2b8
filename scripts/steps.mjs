import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import path from "node:path"
import { root } from "./workspace.mjs"

/** The script behind a tool's command, so that it runs on this Node without a shell between. */
export const tool = (name, command = path.basename(name)) => {
  const folder = path.join(root, "node_modules", name)
  const { bin } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"))
  return path.join(folder, typeof bin === "string" ? bin : bin[command])
}

/** Runs a program to its end: its exit code (1 where it could not start) and all that it printed, in order. */
export const output = (file, args, options = {}) =>
  new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options })
    let text = ""
    child.stdout.on("data", (chunk) => (text += chunk))
    child.stderr.on("data", (chunk) => (text += chunk))
    child.on("error", (error) => (text += `${error.message}\n`))
    child.on("close", (code) => resolve({ code: code ?? 1, text }))
  })

/** Runs one of the tools in node_modules. */
export const runTool = ([name, command], args, options) =>
  output(process.execPath, [tool(name, command), ...args], options)

/** A step that passed, with what is worth knowing about it. */
export const passed = (note = "") => ({ ok: true, note, text: "" })

/** A step that failed, with what a person needs in order to mend it. */
export const failed = (text) => ({ ok: false, note: "", text })

/** A step that is one run of a tool, good when that ends with 0. */
export const toolStep = (bin, args) => async () => {
  const { code, text } = await runTool(bin, args)
  return code === 0 ? passed() : failed(text)
}

/**
 * Runs named steps, some at a time, in the order given; prints a line for each as it ends, and below it what a failed
 * one had to say. Answers the number of failed ones.
 */
export const runSteps = async (steps, atOnce) => {
  const waiting = Object.entries(steps)
  const width = Math.max(...waiting.map(([name]) => name.length))
  let failures = 0
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, step] = next
      const from = performance.now()
      const { ok, note, text } = await step().catch((error) => failed(`${error.stack}\n`))
      const seconds = ((performance.now() - from) / 1_000).toFixed(1).padStart(5)
      process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name.padEnd(width)} ${seconds} s  ${note}\n`)
      if (!ok) {
        failures++
        process.stdout.write(`${text.trimEnd().replaceAll(/^/gm, "       ")}\n`)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return failures
}
