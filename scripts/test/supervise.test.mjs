import { spawn } from "node:child_process"
import { once } from "node:events"
import { assert, it, onTestFinished } from "vitest"

const supervise = new URL("../supervise.mjs", import.meta.url).href

/** A program that says when it listens, and each signal it hears; it ends with 7 half a second after the first. */
const program = `
  const heard = (signal) => {
    console.log("heard", signal)
    setTimeout(() => process.exit(7), 500)
  }
  process.on("SIGINT", heard)
  process.on("SIGTERM", heard)
  setInterval(() => {}, 1_000)
  console.log("pid", process.pid)
`

/** Starts the program below a supervisor; answers once it runs. */
const started = async (code = program, ...args) => {
  const script = `
    import { supervise } from ${JSON.stringify(supervise)}
    supervise(process.execPath, ["-e", ${JSON.stringify(code)}, ...${JSON.stringify(args)}], process.cwd(), () => {})
  `
  const supervisor = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, MARK: "kept" },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true
  })
  onTestFinished(() => {
    supervisor.kill("SIGKILL")
  })
  const run = { pid: supervisor.pid, stdout: supervisor.stdout, output: "", ended: once(supervisor, "close") }
  supervisor.stdout.on("data", (chunk) => {
    run.output += chunk
  })
  await Promise.race([once(supervisor.stdout, "data"), run.ended])
  run.child = Number(/pid (\d+)/.exec(run.output)?.[1])
  return run
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it("hands on arguments, environment and exit code", async () => {
  const run = await started("console.log(process.argv.slice(1).join(), process.env.MARK); process.exit(3)", "a", "--b")
  const [code] = await run.ended
  assert.strictEqual(code, 3)
  assert.strictEqual(run.output, "a,--b kept\n")
})

it("ends as a program does that a signal ended", async () => {
  const run = await started("console.log('up'); process.kill(process.pid, 'SIGKILL')")
  const [code] = await run.ended
  assert.strictEqual(code, 128 + 9)
})

it.each(["SIGINT", "SIGTERM"])(
  "lets the program hear %s once when its whole group is signalled, and npm repeats it",
  async (signal) => {
    const run = await started()
    process.kill(-run.pid, signal)
    await once(run.stdout, "data")
    process.kill(run.pid, signal)
    const [code] = await run.ended
    assert.strictEqual(code, 7)
    assert.deepStrictEqual(run.output.match(/heard \w+/g), [`heard ${signal}`])
  }
)

it("takes the program with it when it is killed outright", async () => {
  const run = await started()
  assert.isTrue(isAlive(run.child))
  process.kill(run.pid, "SIGKILL")
  // The program holds the pipe, so that it closes when the program is gone.
  await run.ended
  assert.notInclude(run.output, "heard")
})
