import { Effect, Random } from "effect"

/** W3C trace context, version 00; ids of only zeros are invalid. */
const shape = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/

const hex32 = (value: number): string => (Math.abs(value) >>> 0).toString(16).padStart(8, "0")

const word = Effect.map(Random.next, (fraction) => hex32(Math.floor(fraction * 0x1_0000_0000)))
// The low bit keeps an id from being all zeros, which W3C calls invalid.
const spanId = Effect.zipWith(
  word,
  word,
  (a, b) => a + b.slice(0, 7) + (Number.parseInt(b.slice(7), 16) | 1).toString(16)
)
const newTraceId = Effect.zipWith(spanId, spanId, (a, b) => a + b)

/** The traceparent of work that begins here: of the caller's trace when it sent a valid one, else of a new trace. */
export const traceparentFrom = (incoming: string | undefined): Effect.Effect<string> => {
  const flags = incoming === undefined ? null : shape.exec(incoming)
  return flags === null || incoming === undefined
    ? Effect.zipWith(newTraceId, spanId, (trace, span) => `00-${trace}-${span}-01`)
    : Effect.map(spanId, (span) => `00-${incoming.slice(3, 35)}-${span}-${flags[1]}`)
}
