import { useState } from "preact/hooks"

/** Something a person starts: one at a time, and its error stays until the next try. */
export const useAction = <Args extends ReadonlyArray<unknown>>(act: (...args: Args) => Promise<void>) => {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(undefined)
  const run = async (...args: Args): Promise<void> => {
    if (isBusy) return
    setBusy(true)
    setError(undefined)
    try {
      await act(...args)
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }
  return { run, isBusy, error }
}
