/**
 * A Map that holds its first entry itself: most sockets follow one order, and a Map takes 250 bytes however little is in
 * it. In order of insertion, as a Map.
 */
export class SmallMap<K, V extends {}> {
  private key: K | undefined
  private value: V | undefined
  private all: Map<K, V> | undefined

  get size(): number {
    return this.all === undefined ? this.value === undefined ? 0 : 1 : this.all.size
  }

  get(key: K): V | undefined {
    if (this.all !== undefined) return this.all.get(key)
    return key === this.key ? this.value : undefined
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  set(key: K, value: V): void {
    if (this.all !== undefined) return void this.all.set(key, value)
    if (this.key !== undefined && this.value !== undefined && this.key !== key) {
      this.all = new Map([[this.key, this.value], [key, value]])
      this.clearFirst()
    } else {
      this.key = key
      this.value = value
    }
  }

  delete(key: K): void {
    if (this.all !== undefined) this.all.delete(key)
    else if (key === this.key) this.clearFirst()
  }

  clear(): void {
    this.all = undefined
    this.clearFirst()
  }

  /** Entries may be deleted while they are gone over. */
  *entries(): Iterable<readonly [K, V]> {
    if (this.all !== undefined) yield* this.all
    else if (this.key !== undefined && this.value !== undefined) yield [this.key, this.value]
  }

  *values(): Iterable<V> {
    for (const [, value] of this.entries()) yield value
  }

  private clearFirst(): void {
    this.key = undefined
    this.value = undefined
  }
}
