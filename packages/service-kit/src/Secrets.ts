import { Redacted } from "effect"
import { createHash, timingSafeEqual } from "node:crypto"

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Compares guesses with a secret in a time that tells nothing: digests have one length, and are compared whole. */
export const sameSecret = (secret: Redacted.Redacted): (guess: string) => boolean => {
  const expected = digest(Redacted.value(secret))
  return (guess) => timingSafeEqual(digest(guess), expected)
}
