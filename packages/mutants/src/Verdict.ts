import { Schema } from "effect"
import type { Witness } from "./Mutant.ts"

/** What vitest's JSON reporter writes, as far as it is read here. */
export const VitestReport = Schema.Struct({
  testResults: Schema.Array(Schema.Struct({
    name: Schema.String,
    message: Schema.optionalKey(Schema.NullOr(Schema.String)),
    assertionResults: Schema.Array(Schema.Struct({
      fullName: Schema.String,
      status: Schema.String,
      failureMessages: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.NullOr(Schema.String))))
    }))
  }))
})
export type VitestReport = typeof VitestReport.Type

/** Caught, and by which tests; survived; or why the check itself says nothing. */
export type Verdict =
  | { readonly _tag: "Caught"; readonly by: ReadonlyArray<string> }
  | { readonly _tag: "Survived"; readonly reason: string }
  | { readonly _tag: "Error"; readonly reason: string }

const firstLine = (text: string): string => text.trim().split("\n")[0] ?? ""

const resultsOf = (report: VitestReport, { file, test }: Witness) =>
  report.testResults
    .filter(({ name }) => name.endsWith(`/${file}`))
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName }) => fullName.includes(test))

/** Why a witness cannot testify: it is not there, was skipped, or is red without any mutant. */
export const unfit = (report: VitestReport, witnesses: ReadonlyArray<Witness>): string | undefined => {
  for (const witness of witnesses) {
    const results = resultsOf(report, witness)
    if (results.length === 0) return `${witness.file} has no test named "${witness.test}"`
    const bad = results.find(({ status }) => status !== "passed")
    if (bad !== undefined) {
      return `without the mutant "${bad.fullName}" is ${bad.status}: ${firstLine(bad.failureMessages?.[0] ?? "")}`
    }
  }
  return undefined
}

/**
 * A mutant is caught when each witness fails by an assertion: its message begins with AssertionError, or holds what the
 * witness `says`. A time-out, a file that does not load or a failure of any other kind is an error of the check: nobody
 * knows whether the guarantee was what broke it.
 */
export const judge = (report: VitestReport, witnesses: ReadonlyArray<Witness>): Verdict => {
  const by: Array<string> = []
  for (const witness of witnesses) {
    const results = resultsOf(report, witness)
    if (results.length === 0) {
      const file = report.testResults.find(({ name }) => name.endsWith(`/${witness.file}`))
      return { _tag: "Error", reason: `${witness.file} did not run: ${firstLine(file?.message ?? "no report of it")}` }
    }
    const failures = results.flatMap(({ failureMessages }) => failureMessages ?? []).map((message) =>
      message ?? "it says nothing"
    )
    const isAssertion = (message: string) =>
      message.startsWith("AssertionError") || (witness.says !== undefined && message.includes(witness.says))
    if (failures.some(isAssertion)) by.push(witness.test)
    else if (failures.length > 0) {
      return { _tag: "Error", reason: `"${witness.test}" failed, but by no assertion: ${firstLine(failures[0] ?? "")}` }
    } else return { _tag: "Survived", reason: `"${witness.test}" in ${witness.file} is still green` }
  }
  return { _tag: "Caught", by }
}
