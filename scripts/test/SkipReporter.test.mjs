import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))
const reporter = fileURLToPath(new URL("../SkipReporter.mjs", import.meta.url))

/** Runs Vitest on one test file with the reporter. Inside the workspace, where its modules are found. */
const run = (tests, env = {}, ...args) => {
  const folder = mkdtempSync(path.join(root, "node_modules/.cache/skip-reporter-"))
  writeFileSync(
    path.join(folder, "some.test.mjs"),
    `import { beforeAll, beforeEach, describe, it } from "vitest"\n${tests}`
  )
  const config = `export default { test: { reporters: [${
    JSON.stringify(reporter)
  }], include: ["*.mjs"], exclude: ["c*"] } }`
  writeFileSync(path.join(folder, "config.mjs"), config)
  const vitest = path.join(root, "node_modules/vitest/vitest.mjs")
  return new Promise((resolve) =>
    execFile(process.execPath, [vitest, "run", "--config", "config.mjs", ...args], {
      cwd: folder,
      env: { ...process.env, GSTORE_REQUIRE: "", VITEST: undefined, ...env }
    }, (error, stdout) => {
      rmSync(folder, { recursive: true })
      resolve({ code: error?.code ?? 0, stdout, last: stdout.trimEnd().split("\n").at(-1) })
    })
  )
}

const skips = `
  it("runs", () => {})
  it("lacks Kafka", (ctx) => ctx.skip("kafka: no Java here"))
  describe("page", { skip: true, meta: { skipped: "browser: no Chromium here" } }, () => {
    describe("deep", () => { it("lacks a browser", () => {}) })
  })
  describe("each", () => {
    beforeEach((ctx) => ctx.skip(true, "kafka: no Java here"))
    it("lacks Kafka too", () => {})
  })
`

it("names skipped tests with their reasons, and counts", async () => {
  const { code, stdout, last } = await run(skips)
  assert.strictEqual(last, "1 passed, 0 failed, 3 skipped")
  assert.strictEqual(code, 0)
  assert.include(stdout, "page > deep > lacks a browser\n    browser: no Chromium here")
  assert.include(stdout, "each > lacks Kafka too\n    kafka: no Java here")
})

it("fails what had to run", async () => {
  const { code, last } = await run(skips, { GSTORE_REQUIRE: "kafka" })
  assert.strictEqual(last, "1 passed, 2 failed, 1 skipped")
  assert.strictEqual(code, 1)
})

it("fails a skip without a reason", async () => {
  const { code, last } = await run(`it("runs", () => {}); it.skip("silent", () => {})`)
  assert.strictEqual(last, "1 passed, 1 failed, 0 skipped")
  assert.strictEqual(code, 1)
})

it("counts a group that broke, and the tests in it as not run", async () => {
  const { code, last } = await run(
    `describe("g", () => { beforeAll(() => { throw 1 }); it("a", () => {}); it("b", () => {}) })`
  )
  assert.strictEqual(last, "0 passed, 1 failed, 2 skipped")
  assert.strictEqual(code, 1)
})

it("counts a file that does not load", async () => {
  const { code, last } = await run(`import "./nowhere.mjs"`)
  assert.strictEqual(last, "0 passed, 1 failed, 0 skipped")
  assert.strictEqual(code, 1)
})

it("leaves tests out that a name pattern left out", async () => {
  const { code, last } = await run(`it("runs", () => {}); it("other", () => {})`, {}, "-t", "runs")
  assert.strictEqual(last, "1 passed, 0 failed, 0 skipped")
  assert.strictEqual(code, 0)
})
