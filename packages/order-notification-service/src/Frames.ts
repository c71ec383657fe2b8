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

/** RFC 6455: a whole text message in one frame, unmasked, as servers send. */
const textFrame = (payload: Uint8Array): Buffer => {
  const { length } = payload
  const header = length < 126
    ? [0x81, length]
    : length < 0x1_0000
    ? [0x81, 126, length >> 8, length & 0xff]
    : [0x81, 127, 0, 0, 0, 0, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]
  return Buffer.concat([Buffer.from(header), payload], header.length + length)
}

/**
 * Frames as the bytes that go over the wire, so that any number of them leave in one write: what many sockets share is
 * made once. Build one per Layer.
 */
export const makeFraming = () => {
  const shared = new WeakMap<Uint8Array, Buffer>()
  return (frame: Frame): Buffer => {
    if (typeof frame === "string") return textFrame(encoder.encode(frame))
    let bytes = shared.get(frame)
    if (bytes === undefined) shared.set(frame, bytes = textFrame(frame))
    return bytes
  }
}
