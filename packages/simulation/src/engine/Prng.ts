/** Small, fast, seedable randomness (sfc32). One stream per concern, so that what one draws does not shift another. */
export interface Prng {
  readonly u32: () => number
  /** 0 (inclusive) to 1 (exclusive). */
  readonly float: () => number
  /** A whole number from 0 to n - 1. */
  readonly below: (n: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(list: readonly [A, ...ReadonlyArray<A>]) => A
}

/** FNV-1a with a finish that spreads near texts; a 32-bit number. */
export const hash = (text: string, seed = 0x811c9dc5): number => {
  let value = seed
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value ^= value >>> 16
  value = Math.imul(value, 0x85ebca6b)
  return (value ^ (value >>> 13)) >>> 0
}

export const prng = (seed: number, stream: string): Prng => {
  let a = hash(stream)
  let b = seed | 0
  let c = hash(`${stream}/${seed}`)
  let d = 1
  const u32 = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) u32()
  const float = () => u32() / 0x1_0000_0000
  const below = (n: number) => Math.floor(float() * n)
  return { u32, float, below, chance: (p) => float() < p, pick: (list) => list[below(list.length)] ?? list[0] }
}
