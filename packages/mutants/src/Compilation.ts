import { Effect } from "effect"
import type { Mutant } from "./Mutant.ts"
import type { Workbench } from "./Workbench.ts"

const editsOf = ({ edits, without = [] }: Mutant) => [...without, ...edits]

/** The mutants in as few groups as it takes for no two of a group to touch the same file. */
export const groupsOf = (mutants: ReadonlyArray<Mutant>): ReadonlyArray<ReadonlyArray<Mutant>> => {
  const groups: Array<{ readonly files: Set<string>; readonly mutants: Array<Mutant> }> = []
  for (const mutant of mutants) {
    const files = editsOf(mutant).map(({ file }) => file)
    let group = groups.find((one) => !files.some((file) => one.files.has(file)))
    if (group === undefined) groups.push(group = { files: new Set(), mutants: [] })
    for (const file of files) group.files.add(file)
    group.mutants.push(mutant)
  }
  return groups.map((group) => group.mutants)
}

/**
 * Why mutants cannot be planted or do not compile, by name; none of those that do. A group is compiled at once, which
 * takes a compiler no longer than one mutant does, and each of it alone only if something is wrong. Errors that the tree
 * has by itself are `known`.
 */
export const compileAll = Effect.fnUntraced(function*(
  bench: Workbench,
  mutants: ReadonlyArray<Mutant>,
  known: ReadonlySet<string>
) {
  const faults = new Map<string, string>()
  const faultOf = (group: ReadonlyArray<Mutant>) =>
    bench.planted(group.flatMap(editsOf), bench.compile).pipe(
      Effect.map((lines) => lines.find((line) => !known.has(line))),
      Effect.map((wrong) => wrong === undefined ? undefined : `does not compile: ${wrong}`),
      Effect.catchTag("NotTried", ({ reason }) => Effect.succeed(reason))
    )
  for (const group of groupsOf(mutants)) {
    if ((yield* faultOf(group)) === undefined) continue
    for (const mutant of group) {
      const fault = yield* faultOf([mutant])
      if (fault !== undefined) faults.set(mutant.name, fault)
    }
  }
  return faults
})
