import { useRef } from "preact/hooks"

/**
 * The idempotency key of what a form sends: the same content is sent again under the same key until it went through, so
 * that a lost answer and a second press do not buy twice.
 */
export const useKeyOf = () => {
  const kept = useRef<{ readonly content: string; readonly key: string } | undefined>(undefined)
  return async <A>(content: string, send: (idempotencyKey: string) => Promise<A>): Promise<A> => {
    if (kept.current?.content !== content) kept.current = { content, key: newKey() }
    const answer = await send(kept.current.key)
    kept.current = undefined
    return answer
  }
}

const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")
