import type { IHeaders, KafkaMessage } from "kafkajs"
import type { IncomingMessage } from "../Message.ts"

/**
 * Foreign headers may hold anything: bytes that are no UTF-8 become replacement characters, of several values of a name
 * the last counts (as for Kafka's own clients), and a name without a value counts as absent.
 */
const headersOf = (headers: IHeaders | undefined): Record<string, string> => {
  const entries: Array<[string, string]> = []
  for (const [name, values] of Object.entries(headers ?? {})) {
    const value = Array.isArray(values) ? values.at(-1) : values
    if (value !== undefined && value !== null) entries.push([name, value.toString()])
  }
  // Not by assignment: a header may be called __proto__.
  return Object.fromEntries(entries)
}

export const incoming = (topic: string, partition: number, message: KafkaMessage): IncomingMessage => ({
  topic,
  partition,
  offset: BigInt(message.offset),
  key: message.key === null ? null : message.key.toString(),
  headers: headersOf(message.headers),
  payload: message.value
})

/** Roughly what a message holds in memory. */
export const sizeOf = ({ key, value }: KafkaMessage): number => 200 + (key?.length ?? 0) + (value?.length ?? 0)
