import { createSocket } from "node:dgram"

/** A name server like Docker's: gives the addresses of the replicas of a service, as they are at the moment. */
export interface NameServer {
  readonly port: number
  readonly addresses: Map<string, ReadonlyArray<string>>
  readonly stop: () => Promise<void>
}

const HEADER = 12
const QUESTION_END = 5

/** The name of a query's only question, and where the question ends. */
const questionOf = (query: Buffer) => {
  const labels: Array<string> = []
  let at = HEADER
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join("."), end: at + QUESTION_END }
}

/** An A record of the question's own name, to be kept for a second. */
const record = (address: string): Buffer =>
  Buffer.from([0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split(".").map(Number)])

export const nameServer = async (): Promise<NameServer> => {
  const addresses = new Map<string, ReadonlyArray<string>>()
  const socket = createSocket("udp4")
  socket.on("message", (query, from) => {
    const { end, name } = questionOf(query)
    const found = addresses.get(name) ?? []
    const answer = Buffer.concat([query.subarray(0, end), ...found.map(record)])
    // An answer that knows it all; without an address the name does not exist.
    answer.writeUInt16BE(found.length === 0 ? 0x8183 : 0x8180, 2)
    answer.writeUInt16BE(found.length, 6)
    answer.writeUInt32BE(0, 8)
    socket.send(answer, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve))
  return {
    port: socket.address().port,
    addresses,
    stop: () => new Promise((resolve) => socket.close(() => resolve()))
  }
}
