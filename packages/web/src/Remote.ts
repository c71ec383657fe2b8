import { StoreProblem, StoreUnreachable } from "@g-store/client/StoreApi.ts"
import { signal } from "@preact/signals"
import { SessionOver } from "./Sessions.ts"
import type { Words } from "./words/english.ts"

/** Something read from the store. While it is read again the old value stays. */
export interface Remote<A> {
  readonly value: A | undefined
  readonly error: unknown
  readonly isLoading: boolean
}

/** Runs a read and keeps how it stands; gives whether it succeeded. */
export const makeRemote = <A>() => {
  const state = signal<Remote<A>>({ value: undefined, error: undefined, isLoading: true })
  let latest = 0
  return {
    state,
    load: async (read: () => Promise<A>): Promise<boolean> => {
      const mine = ++latest
      state.value = { ...state.peek(), isLoading: true }
      try {
        const value = await read()
        if (mine === latest) state.value = { value, error: undefined, isLoading: false }
        return true
      } catch (error) {
        if (mine === latest) state.value = { ...state.peek(), error, isLoading: false }
        return false
      }
    }
  }
}

/** Any error in words, with the trace id that finds it in the logs. */
export const wordsOf = (error: unknown, words: Words): { readonly text: string; readonly traceId?: string } => {
  if (error instanceof SessionOver) return { text: words.sessionOver }
  if (error instanceof StoreUnreachable) return { text: words.unreachable }
  if (error instanceof StoreProblem) {
    const text = words.problems[error.type] ?? error.detail
    return error.traceId === undefined ? { text } : { text, traceId: error.traceId }
  }
  return { text: words.unexpected(error instanceof Error ? error.message : String(error)) }
}
