import { readCommandLine, usage } from "./commandLine.ts"
import { hunt } from "./mutants/hunt.ts"
import { mutants } from "./mutants/mutants.ts"
import { showReport, showScenario, showShrunk } from "./printing.ts"
import { regressions } from "./regressions.ts"
import { scenarioOf } from "./Scenario.ts"
import { shrink } from "./shrink.ts"
import { type Report, simulate } from "./simulate.ts"
import { calm, parked, sweep } from "./sweep.ts"
import { exploreWith, serveAsWorker } from "./workers.ts"

const say = (text: string) => void process.stdout.write(`${text}\n`)
const seconds = (since: number) => (performance.now() - since) / 1000
const fail = () => {
  process.exitCode = 1
}

const replay = (seed: number, log: boolean, shrinking: boolean) => {
  const report = simulate(scenarioOf(seed))
  if (log) say(report.lines.join("\n"))
  say(showScenario(report.scenario))
  say(showReport(report))
  if (report.violations.length === 0) return
  fail()
  if (!shrinking) return
  const shrunk = shrink(report.scenario)
  say(shrunk.report.lines.join("\n"))
  say(showShrunk(shrunk))
}

const exploreSeeds = async (first: number, runs: number, minutes: number, workers: number) => {
  const began = performance.now()
  for (const { broke, scenario } of regressions) {
    const { violations } = simulate(scenario)
    if (violations.length === 0) continue
    fail()
    say(`${broke} is back: ${violations.join("; ")}`)
  }
  const found = await exploreWith(workers, { first, runs, millis: minutes * 60_000 })
  const took = seconds(began)
  const sum = (of: (one: typeof found[number]) => number) => found.reduce((total, one) => total + of(one), 0)
  const all = sum((one) => one.runs)
  const failures = found.flatMap((one) => one.failures)
  for (const { scenario, violations } of failures.slice(0, 3)) {
    say(`seed ${scenario.seed}: ${violations.join("; ")}`)
    say(showShrunk(shrink(scenario)))
  }
  for (const { scenario, violations } of failures.slice(3)) say(`seed ${scenario.seed}: ${violations.join("; ")}`)
  say(
    `${all} runs from seed ${first} on, ${new Set(found.flatMap((one) => one.digests)).size} distinct, ` +
      `${failures.length} with violations; ${regressions.length} regressions hold; ` +
      `${(all / took * 60).toFixed(0)} runs a minute, ` +
      `${(sum((one) => one.virtualMillis) / 3_600_000 / took).toFixed(2)} simulated hours a second, ` +
      `${(sum((one) => one.steps) / all).toFixed(0)} steps a run`
  )
  if (failures.length > 0) fail()
}

const sweepAll = () => {
  const began = performance.now()
  const bad: Array<Report> = []
  let runs = 0
  for (const scenario of [calm, parked]) {
    for (const report of sweep(undefined, { scenario })) {
      runs++
      if (report.violations.length === 0) continue
      bad.push(report)
      if (bad.length <= 3) say(`${showScenario(report.scenario)}\n${showReport(report)}`)
    }
  }
  say(`${runs} runs in ${seconds(began).toFixed(1)} s, ${bad.length} with violations`)
  if (bad.length > 0) fail()
}

const MOST_SEEDS = 400

const huntAll = (only: string) => {
  const counts = { found: 0, hidden: 0, wrong: 0 }
  for (const { hiddenBy, name, services } of mutants.filter((one) => one.name.includes(only))) {
    const began = performance.now()
    const found = hunt(services, 1, MOST_SEEDS, { trouble: hiddenBy === undefined })
    const wanted = hiddenBy === undefined
    if ((found === undefined) === wanted) counts.wrong++
    else if (wanted) counts.found++
    else counts.hidden++
    if (found === undefined) {
      say(`${name}: ${wanted ? "NOT FOUND" : `not to be seen behind ${hiddenBy}`} in ${MOST_SEEDS} runs`)
      continue
    }
    say(
      `${name}: ${wanted ? "found" : "SEEN IN SPITE OF ITS DEFENCE"} at seed ${found.seed} (${found.seed} runs, ` +
        `${seconds(began).toFixed(1)} s): ${found.report.violations[0]}`
    )
    say(showShrunk(shrink(found.scenario, services)))
  }
  say(`${counts.found} found, ${counts.hidden} hidden by their defence as expected, ${counts.wrong} not as expected`)
  if (counts.wrong > 0) fail()
}

const main = async () => {
  if (process.argv[2] === "--worker") return serveAsWorker()
  const asked = readCommandLine(process.argv.slice(2))
  if (asked.help) return say(usage)
  if (asked.seed !== undefined) return replay(asked.seed, asked.log, asked.shrink)
  if (asked.sweep) return sweepAll()
  if (asked.mutants) return huntAll(asked.only)
  const runs = asked.runs ?? (asked.minutes === undefined ? 2_000 : Infinity)
  await exploreSeeds(asked.from, runs, asked.minutes ?? Infinity, asked.workers)
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  process.exitCode = 2
})
