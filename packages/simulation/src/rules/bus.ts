import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { type IncomingMessage, messageId } from "@g-store/messaging/Message.ts"
import { FOREIGN } from "../store/Foreign.ts"
import { type Names, versionOf } from "../store/Names.ts"
import type { Violations } from "./Violations.ts"

/** The bus, at every append: what is seen for the first time of an order follows what was seen before. */
export const checkBus = (names: Names, violations: Violations) => {
  const versions = new Map<string, number>()
  const payments = new Map<string, string>()
  const known = new Map<string, string>()
  return (message: IncomingMessage): void => {
    if (message.headers[FOREIGN] !== undefined) return
    const key = message.key ?? ""
    const name = names.of(key)
    const id = messageId(message)
    if (message.topic !== ORDER_EVENTS) {
      if ((payments.get(key) ?? id) !== id) violations.report(`two payments of ${name} are published`)
      payments.set(key, id)
      return
    }
    const version = versionOf(message) ?? 0
    const last = versions.get(key) ?? 0
    if (version > last + 1) violations.report(`${name}/${version} overtakes ${name}/${last + 1} on the bus`)
    if (version > last) versions.set(key, version)
    const place = `${key}/${version}`
    if ((known.get(place) ?? id) !== id) violations.report(`${name}/${version} is published under two ids`)
    known.set(place, id)
  }
}
