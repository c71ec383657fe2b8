import type { DeadLetterRow } from "@g-store/messaging/memory/inboxRows.ts"
import { EVENT_TYPE, messageId } from "@g-store/messaging/Message.ts"
import type { DatabaseServer } from "../servers/DatabaseServer.ts"
import { FOREIGN } from "../store/Foreign.ts"
import type { Journal } from "../store/Journal.ts"
import type { Names } from "../store/Names.ts"
import type { Errand } from "../store/Workload.ts"
import type { Violations } from "./Violations.ts"

const lettersOf = (database: DatabaseServer) => [...database.table<DeadLetterRow>("dead_letter").values()]

/** What an operator has still to decide on, or a service to do; undefined once every letter is dealt with. */
export const unsettledLetters = (database: DatabaseServer, names: Names): string | undefined => {
  const open = lettersOf(database).find(({ state }) => state !== "replayed" && state !== "discarded")
  if (open !== undefined) return `${database.name} has a dead letter of ${names.of(open.messageId)}: ${open.state}`
  for (const table of ["parked_key", "parked_message"]) {
    if (database.table(table).size > 0) return `${database.name} has rows in ${table}`
  }
  return undefined
}

/** Types of the store's own events that an operator left out of a service, by order. */
export const leftOut = (databases: ReadonlyArray<DatabaseServer>): ReadonlyMap<string, ReadonlySet<string>> => {
  const types = new Map<string, Set<string>>()
  for (const { message, state } of databases.flatMap(lettersOf)) {
    if (state !== "discarded" || message.headers[FOREIGN] !== undefined || message.key === null) continue
    const known = types.get(message.key) ?? new Set<string>()
    types.set(message.key, known.add(message.headers[EVENT_TYPE] ?? ""))
  }
  return types
}

/** Databases by whose events they take, as the errands of the workload name them. */
export interface Consumers {
  readonly orders: DatabaseServer
  readonly payments: DatabaseServer
  readonly notify: DatabaseServer
}

/** Only what cannot be handled is set aside, once. */
export const checkLetters = (
  databases: Consumers,
  workload: ReadonlyArray<Errand>,
  { discarded }: Journal,
  names: Names,
  violations: Violations
): void => {
  for (const service of ["orders", "payments", "notify"] as const) {
    const seen = new Set<string>()
    for (const { id, message, messageId: stored, reason, state } of lettersOf(databases[service])) {
      const foreign = message.headers[FOREIGN]
      const isExpected = workload.some((errand) =>
        errand._tag === "Foreign"
          ? errand.name === foreign && readers(errand).includes(service)
          : errand._tag === "Flaw" && errand.service === service && names.of(message.key ?? "") === errand.of
      )
      const name = foreign ?? names.of(stored)
      if (!isExpected) violations.report(`${service} set aside ${name}: ${reason}`)
      if (state === "discarded" && !discarded.has(id)) violations.report(`${service} left out ${name} unasked`)
      if (seen.has(stored)) violations.report(`${service} set ${name} aside twice`)
      if (stored !== messageId(message)) violations.report(`${service} set ${name} aside as ${stored}`)
      seen.add(stored)
    }
  }
}

/** Poison that a service has not set aside: it has yet to come to it, or passed it over. */
export const missingLetter = (databases: Consumers, workload: ReadonlyArray<Errand>): string | undefined => {
  for (const errand of workload) {
    if (errand._tag !== "Foreign") continue
    for (const service of readers(errand)) {
      const isThere = lettersOf(databases[service]).some(({ message }) => message.headers[FOREIGN] === errand.name)
      if (!isThere) return `${service} has not set ${errand.name} aside (${errand.kind})`
    }
  }
  return undefined
}

/** For whom a foreign message is poison. A type that nobody knows is for nobody. */
const readers = (
  { kind, to }: Extract<Errand, { readonly _tag: "Foreign" }>
): ReadonlyArray<keyof Consumers> => {
  if (kind === "unknown type") return []
  return kind === "another amount" || to === "orders" ? ["orders"] : ["payments", "notify"]
}
