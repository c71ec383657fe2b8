/** Enough for any event of ours: two ids, a moment and three numbers. */
const CAPACITY = 160

/**
 * Writes protobuf's wire format: the few kinds of fields that our events have, ten times as fast as the library, which
 * builds a message object first. Fields that are 0 are left out, as proto3 has it.
 */
export class Writer {
  readonly #bytes = new Uint8Array(CAPACITY)
  #at = 0

  /** Of ASCII characters, up to 127 of them: an id. */
  id(field: number, text: string): this {
    this.#bytes[this.#at++] = (field << 3) | 2
    this.#bytes[this.#at++] = text.length
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text.charCodeAt(i)
    return this
  }

  /** int64 or enum: a whole number within what JavaScript holds exactly. */
  number(field: number, value: number): this {
    if (value === 0) return this
    this.#bytes[this.#at++] = field << 3
    this.#varint(value)
    return this
  }

  /** google.protobuf.Timestamp, from milliseconds since 1970. */
  moment(field: number, millis: number): this {
    const seconds = Math.floor(millis / 1_000)
    this.#bytes[this.#at++] = (field << 3) | 2
    const length = this.#at++
    this.number(1, seconds)
    this.number(2, (millis - seconds * 1_000) * 1_000_000)
    this.#bytes[length] = this.#at - length - 1
    return this
  }

  /** The bytes so far, in memory of their own size. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  #varint(value: number): void {
    if (value < 0) {
      // Two's complement in 64 bits.
      let rest = BigInt.asUintN(64, BigInt(value))
      for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80
      this.#bytes[this.#at++] = Number(rest)
      return
    }
    let rest = value
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 0x80
    this.#bytes[this.#at++] = rest
  }
}
