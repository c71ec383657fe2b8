import { Result } from "effect"
import type { Consumer, Decoded, Received } from "../Consumer.ts"
import type { NewDeadLetter, StoredMessage } from "../InboxStore.ts"
import type { IncomingMessage } from "../Message.ts"
import { reasonText } from "./Failure.ts"
import { storable, storableId } from "./Storable.ts"

/** A message of a batch on its way through the inbox. */
export interface Entry<M> extends StoredMessage {
  /** Key as it is parked; null parks nobody. */
  readonly key: string | null
  /** What it says, or why that cannot be read. */
  readonly content: Result.Result<Received<M>, string>
}

/** Why a message is to be set aside, and what was tried before. */
export type Verdict = Pick<NewDeadLetter, "reason" | "attempts" | "firstFailedAt">

/** A decode that throws says no less than one that fails. */
const decodeSafely = <M>(consumer: Pick<Consumer<M>, "decode">, message: IncomingMessage): Decoded<M> => {
  try {
    return consumer.decode(message)
  } catch (error) {
    return Result.fail(`decoding failed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Reads a message; undefined if it is of no interest to the consumer. */
export const toEntry = <M>(consumer: Pick<Consumer<M>, "decode">, message: IncomingMessage): Entry<M> | undefined => {
  const decoded = decodeSafely(consumer, message)
  const stored = storable(message)
  const entry = { messageId: storableId(message), message: stored, key: stored.key }
  if (Result.isFailure(decoded)) return { ...entry, content: Result.fail(reasonText(decoded.failure)) }
  const value = decoded.success
  return value === undefined
    ? undefined
    : { ...entry, content: Result.succeed({ id: entry.messageId, key: message.key, value, message }) }
}

/** What to do with the fresh messages of a batch. */
export interface Plan<M> {
  readonly handle: ReadonlyArray<Entry<M>>
  readonly setAside: ReadonlyArray<Entry<M>>
  readonly park: ReadonlyArray<Entry<M>>
}

/**
 * Sorts fresh messages, in their order: behind a closed gate they wait; poison closes the gate of its key for those that
 * come later in the same batch; the others are handled.
 */
export const plan = <M>(
  fresh: ReadonlyArray<Entry<M>>,
  gates: ReadonlySet<string>,
  isPoison: (entry: Entry<M>) => boolean
): Plan<M> => {
  const closed = new Set(gates)
  const handle: Array<Entry<M>> = []
  const setAside: Array<Entry<M>> = []
  const park: Array<Entry<M>> = []
  for (const entry of fresh) {
    if (entry.key !== null && closed.has(entry.key)) park.push(entry)
    else if (isPoison(entry)) {
      setAside.push(entry)
      if (entry.key !== null) closed.add(entry.key)
    } else handle.push(entry)
  }
  return { handle, setAside, park }
}

/**
 * Halves a batch by the messages that were handled in it, so that a failure can be narrowed down. The messages of a key
 * stay together while there are other keys; within one key the earlier ones form the first half. Handle the first half
 * first: that keeps the order of every key.
 */
export const split = <M>(
  entries: ReadonlyArray<Entry<M>>,
  handled: ReadonlySet<string>
): readonly [ReadonlyArray<Entry<M>>, ReadonlyArray<Entry<M>>] => {
  const groups = Map.groupBy(entries, (entry) => entry.key ?? entry)
  const weights = [...groups].map(([key, group]) =>
    [key, group.filter((e) => handled.has(e.messageId)).length] as const
  )
  const heavy = weights.filter(([, weight]) => weight > 0)
  const total = heavy.reduce((sum, [, weight]) => sum + weight, 0)
  if (heavy.length <= 1) {
    // Nothing to go by (no handled message at all) halves by place.
    const marks = entries.flatMap((entry, at) => total === 0 || handled.has(entry.messageId) ? [at] : [])
    const at = marks[Math.ceil(marks.length / 2)] ?? entries.length
    return [entries.slice(0, at), entries.slice(at)]
  }
  const last = heavy[heavy.length - 1]?.[0]
  const left = new Set<unknown>()
  let weight = 0
  for (const [key, own] of weights) {
    if (key === last || weight * 2 >= total) break
    left.add(key)
    weight += own
  }
  return [entries.filter((e) => left.has(e.key ?? e)), entries.filter((e) => !left.has(e.key ?? e))]
}
