import type { Duplex } from "node:stream"
import { WebSocket } from "ws"
import type { Socket, Wire } from "./Wire.ts"

/**
 * A `ws` socket that tells its wire of everything. Its events are caught where they are emitted: listeners would be
 * memory of every idle socket.
 */
export class HeldSocket extends WebSocket implements Socket {
  private stream: Duplex | undefined
  private wire: Wire | undefined

  /** `stream` is the raw socket beneath. */
  hold(stream: Duplex, wire: Wire): void {
    this.stream = stream
    this.wire = wire
  }

  get isOpen(): boolean {
    return this.readyState === this.OPEN
  }

  /** One write for all of them, past ws: a write costs far more than the bytes. */
  writeFrames(bytes: Buffer): void {
    this.stream?.write(bytes)
  }

  override emit(event: string | symbol, ...[data, isBinary]: ReadonlyArray<unknown>): boolean {
    const { wire } = this
    switch (event) {
      case "message":
        wire?.onMessage(isBinary === true ? undefined : String(data))
        break
      case "ping":
        wire?.onPing()
        break
      case "pong":
        wire?.onPong()
        break
      case "close":
        wire?.onClose()
    }
    // An error needs no answer: ws has closed the socket with the right code already (1009, 1007, ...).
    return true
  }
}
