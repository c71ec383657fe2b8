import type { Command, State } from "./Notebook.ts"
import { step } from "./StoreModel.ts"

/** A command as the store did it. */
export interface Done {
  readonly command: Command
  readonly answer: string
}

/** The states without those that say the same. */
const distinct = (states: ReadonlyArray<State>): ReadonlyArray<State> => [
  ...new Map(states.map((state) => [JSON.stringify(state), state])).values()
]

/**
 * Every state that the store may be in after these things were done at the same time, in one of these states: some order
 * of them, one after the other, gives each of the answers. None means that no order explains what was answered.
 */
export const explained = (before: ReadonlyArray<State>, done: ReadonlyArray<Done>): ReadonlyArray<State> => {
  if (done.length === 0) return before
  return distinct(done.flatMap((first, nth) => {
    const after = before.flatMap((state) => {
      const { answers, state: next } = step(state, first.command)
      return answers.includes(first.answer) ? [next] : []
    })
    return after.length === 0 ? [] : explained(after, done.toSpliced(nth, 1))
  }))
}
