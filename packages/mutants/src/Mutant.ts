/** One change of one file. `find` must stand in it exactly once; it becomes `put`. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly put: string
}

/** A test that must go red: a part of its name that nothing else there has, and the file to run. */
export interface Witness {
  readonly file: string
  readonly test: string
  /**
   * Where the test guards its guarantee by other means than an assertion of its own: what the failure then says. Without
   * this only an AssertionError counts.
   */
  readonly says?: string
}

/** A classic defect, planted. */
export interface Mutant {
  readonly name: string
  /** What no longer holds with it. */
  readonly guarantee: string
  readonly edits: ReadonlyArray<Edit>
  /** All of them must catch it. */
  readonly witnesses: readonly [Witness, ...ReadonlyArray<Witness>]
  /**
   * Edits that take away a second defence which would hide the mutant. They are made before it, and with them alone the
   * witnesses must still be green.
   */
  readonly without?: ReadonlyArray<Edit>
  /** Why there are `without`, or what else a reader should know. */
  readonly note?: string
}

/** The text with the edit made, or why it cannot be. */
export const edited = (
  text: string,
  { file, find, put }: Edit
): { readonly text: string } | { readonly fault: string } => {
  const count = text.split(find).length - 1
  return count === 1
    ? { text: text.replace(find, () => put) }
    : { fault: `${file} holds this ${count} times, not once: ${find.trim().split("\n")[0]}` }
}
