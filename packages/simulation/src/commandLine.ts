import { randomInt } from "node:crypto"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"

export const usage = `npm run simulate -- [what]
  --seed S        replay one seed; --log prints what happened, --shrink the smallest way to the same failure
  --runs N        explore N fresh seeds (2000 if nothing else is asked for); --from S begins at a seed of yours
  --minutes M     explore for so long
  --sweep         kill every process before and after every request of two scenarios
  --mutants       hunt built-in faults, to see that each is noticed; --only TEXT takes those whose name has it
  --workers W     processes for --runs and --minutes; as many as there are cores if absent
`

export interface Asked {
  readonly seed: number | undefined
  readonly log: boolean
  readonly shrink: boolean
  readonly runs: number | undefined
  readonly minutes: number | undefined
  readonly from: number
  readonly sweep: boolean
  readonly mutants: boolean
  readonly only: string
  readonly workers: number
  readonly help: boolean
}

const number = (name: string, text: string | undefined, least: number): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isFinite(value) || value < least) {
    throw new Error(`--${name} wants a number from ${least} on, not "${text}".`)
  }
  return value
}

export const readCommandLine = (args: ReadonlyArray<string>): Asked => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      log: { type: "boolean", default: false },
      shrink: { type: "boolean", default: false },
      runs: { type: "string" },
      minutes: { type: "string" },
      from: { type: "string" },
      sweep: { type: "boolean", default: false },
      mutants: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      workers: { type: "string" },
      help: { type: "boolean", default: false }
    }
  })
  return {
    ...values,
    seed: number("seed", values.seed, 0),
    runs: number("runs", values.runs, 1),
    minutes: number("minutes", values.minutes, 0),
    from: number("from", values.from, 0) ?? randomInt(1, 1_000_000_000),
    workers: number("workers", values.workers, 1) ?? availableParallelism()
  }
}
