import { type OrderUpdate, OrderUpdate as OrderUpdateSchema, ServerFrame } from "@g-store/contracts/Socket.ts"
import { Schema } from "effect"

/** What goes over a socket: text, or the UTF-8 bytes of it where many sockets share them. */
export type Frame = string | Uint8Array

const encodeServer = Schema.encodeSync(Schema.fromJsonString(ServerFrame))
const encodeOne = Schema.encodeSync(Schema.fromJsonString(OrderUpdateSchema))
const encoder = new TextEncoder()

/** Any frame but an update: few, and each for one socket. */
export const serverFrame = (frame: Exclude<typeof ServerFrame.Type, OrderUpdate>): string => encodeServer(frame)

/**
 * The frame of an update: made at the first socket that needs it and shared by all others, as long as the update itself
 * is alive. Build one per Layer.
 */
export const makeUpdateFrames = () => {
  const frames = new WeakMap<OrderUpdate, Uint8Array>()
  return (update: OrderUpdate): Uint8Array => {
    let frame = frames.get(update)
    if (frame === undefined) frames.set(update, frame = encoder.encode(encodeOne(update)))
    return frame
  }
}
