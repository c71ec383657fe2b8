import { type IncomingMessage, messageId, placeOf } from "../Message.ts"

// Foreign producers may send what PostgreSQL can store nowhere (a NUL, half a surrogate pair) or not in an index (a text
// of some kilobytes). Such a message must become a dead letter like any other, so its texts are made storable first.

const LONGEST = 512

const clean = (text: string): string =>
  text.isWellFormed() && !text.includes("\0") ? text : text.toWellFormed().replaceAll("\0", "\ufffd")

/** FNV-1a over UTF-16 code units, as hex: tells apart long keys that begin alike. */
const hash = (text: string): string => {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return (value >>> 0).toString(16).padStart(8, "0")
}

/** The message's id, or where it lies when what the producer gave cannot be kept. */
export const storableId = (message: IncomingMessage): string => {
  const id = messageId(message)
  return id.length <= LONGEST && clean(id) === id ? id : placeOf(message)
}

/**
 * The key under which a message is parked. Keys that differ only in what cannot be stored wait behind each other, which
 * delays messages but never reorders them.
 */
export const storableKey = (key: string | null): string | null => {
  if (key === null) return null
  return key.length <= LONGEST ? clean(key) : `${clean(key.slice(0, LONGEST))}#${hash(key)}`
}

/** The message as it can be kept; itself where nothing is wrong with it. */
export const storable = (message: IncomingMessage): IncomingMessage => {
  const headers = Object.entries(message.headers)
  const key = storableKey(message.key)
  const sound = key === message.key && headers.every(([name, value]) => clean(name) === name && clean(value) === value)
  return sound
    ? message
    : { ...message, key, headers: Object.fromEntries(headers.map(([name, value]) => [clean(name), clean(value)])) }
}
