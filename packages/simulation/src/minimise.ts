/** Delta debugging: drops halves, then ever smaller parts, then single elements, for as long as what is left still fails. */
export const minimise = <A>(
  list: ReadonlyArray<A>,
  fails: (candidate: ReadonlyArray<A>) => boolean
): ReadonlyArray<A> => {
  let best = list
  for (let size = Math.max(1, best.length >> 1); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let from = 0; from < best.length;) {
      const candidate = best.toSpliced(from, size)
      if (!fails(candidate)) from += size
      else {
        best = candidate
        // What stood before may be superfluous now.
        if (size === 1) from = 0
      }
    }
  }
  return best
}
