/**
 * Lists, after a test run, every test that was skipped and why, and ends with a line of counts:
 * `N passed, N failed, N skipped`.
 *
 * A skip says its reason, beginning with what the machine lacks: in a test by `ctx.skip("kafka: no Java here")`, for all
 * tests of a group by `describe(name, { skip: reason !== undefined, meta: { skipped: reason } }, ...)` or by
 * `beforeEach((ctx) => ctx.skip(reason !== undefined, reason))`. A skip without a reason fails the run. So does one whose
 * reason begins with a name from GSTORE_REQUIRE (a comma list, `kafka,browser`): that machine promised to run it.
 */
export default class SkipReporter {
  onInit(vitest) {
    this.filtered = vitest.config.testNamePattern !== undefined
    this.required = (process.env.GSTORE_REQUIRE ?? "").split(",").map((name) => name.trim()).filter((name) =>
      name !== ""
    )
  }

  onTestRunEnd(modules, unhandledErrors, reason) {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()])
    const passed = tests.filter((test) => test.result().state === "passed").length
    const broken = suites.filter((suite) => suite.errors().length > 0).length + unhandledErrors.length
    let failed = tests.filter((test) => test.result().state === "failed").length + broken
    let skipped = 0
    const refused = []
    const listed = []
    for (const test of tests) {
      if (!["skipped", "pending"].includes(test.result().state)) continue
      const why = reasonOf(test)
      // With -t every test that was not asked for counts as skipped; nobody wants to read their names.
      if (why === undefined && this.filtered) continue
      const line = `${test.module.relativeModuleId} > ${test.fullName}`
      const isRequired = why !== undefined && this.required.some((name) => why.startsWith(`${name}:`))
      if (why === undefined && reason !== "interrupted") refused.push(`${line}\n    skipped without a reason`)
      else if (isRequired) refused.push(`${line}\n    must run here (GSTORE_REQUIRE), but: ${why}`)
      else listed.push(`${line}\n    ${why ?? "interrupted"}`)
    }
    failed += refused.length
    skipped += listed.length
    section("Skipped", listed)
    section("Failed for being skipped", refused)
    // At the very end, after whatever Vitest and the other reporters still have to say.
    process.once("exit", () => process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`))
    if (failed > 0) process.exitCode = 1
  }
}

/** Why a test did not run, as far as anybody said. */
const reasonOf = (test) => {
  const { note } = test.result()
  if (note !== undefined && note !== "") return note
  for (let task = test; task !== undefined; task = task.parent) {
    const { skipped } = task.type === "module" ? {} : task.meta()
    if (skipped !== undefined) return skipped
    if (task.type !== "test" && task.errors().length > 0) return "what surrounds it failed, see above"
  }
  return test.options.mode === "todo" ? "still to be written" : undefined
}

const section = (title, lines) => {
  if (lines.length > 0) {
    process.stdout.write(`\n${title} (${lines.length}):\n${lines.map((line) => `  ${line}\n`).join("")}`)
  }
}
