import type { Scenario } from "./Scenario.ts"

/** Scenarios that once broke something: plans spelt out, since what a seed stands for changes with the code. */
export const regressions: ReadonlyArray<{ readonly broke: string; readonly scenario: Scenario }> = []
