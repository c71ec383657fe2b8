import type { Random } from "effect/Random"

/** W3C trace context, version 00; ids of only zeros are invalid. */
const shape = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/

/** 32 bits as 8 hex digits, one of them always set: an id of only zeros would be invalid. */
const word = (random: Random): string =>
  (((random.nextDoubleUnsafe() * 0x1_0000_0000) | 1) >>> 0).toString(16).padStart(8, "0")

/** The traceparent of work that begins here: of the caller's trace when it sent a valid one, else of a new trace. */
export const traceparentFrom = (incoming: string | undefined, random: Random): string => {
  const span = word(random) + word(random)
  const flags = incoming === undefined ? null : shape.exec(incoming)
  return flags === null || incoming === undefined
    ? `00-${word(random)}${word(random)}${word(random)}${word(random)}-${span}-01`
    : `00-${incoming.slice(3, 35)}-${span}-${flags[1]}`
}
