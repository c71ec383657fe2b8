import type { Latch } from "effect"
import type { LiveEvent } from "./LiveTail.ts"

/**
 * What one socket listens to for one of its subscriptions. It listens from the start, but keeps what it hears until the
 * subscription begins: so whatever a read of the feed meanwhile does not show is heard.
 */
export class Listening {
  stop: () => void = () => {}
  /** Opened by what is heard, while somebody waits for the order to arrive. */
  heard: Latch.Latch | undefined
  private early: Array<LiveEvent> | undefined = []

  hear(event: LiveEvent, owner: { readonly tell: (event: LiveEvent) => void }): void {
    if (this.early === undefined) return owner.tell(event)
    this.early.push(event)
    this.heard?.openUnsafe()
  }

  /** What was heard before. */
  begin(): ReadonlyArray<LiveEvent> {
    const early = this.early ?? []
    this.early = undefined
    this.heard = undefined
    return early
  }
}
