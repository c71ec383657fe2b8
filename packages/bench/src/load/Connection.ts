import { createConnection, type Socket } from "node:net"

/** Hears of an answer: its status ("cut" where the connection was), whether it names a Retry-After, its body. */
export type Answered = (status: string, retryAfter: boolean, body: string) => void

/** One keep-alive connection with at most one request on its way. */
export interface Connection {
  /** Connects; where that fails, sending shows it. */
  readonly open: () => Promise<void>
  readonly send: (request: Buffer, answered: Answered) => void
  readonly close: () => void
}

const HEAD_END = "\r\n\r\n"
const length = /\r\ncontent-length: *(\d+)/i
const chunked = /\r\ntransfer-encoding: *chunked/i
const closing = /\r\nconnection: *close/i
const retryAfter = /\r\nretry-after:/i

/** The end of the first whole answer in `text`, or -1 where it is not all there yet. */
const endOfAnswer = (text: string): number => {
  const head = text.indexOf(HEAD_END)
  if (head === -1) return -1
  const body = head + HEAD_END.length
  const header = text.slice(0, head)
  const size = length.exec(header)?.[1]
  if (size !== undefined) return text.length >= body + Number(size) ? body + Number(size) : -1
  if (!chunked.test(header)) return body
  const last = text.indexOf("0\r\n\r\n", body)
  return last === -1 ? -1 : last + 5
}

/**
 * Raw sockets and ready-made requests: the generator shares its cores with the servers that it measures, and costs
 * about a tenth of a client that builds and reads HTTP properly.
 */
export const connection = (port: number, cut: () => void): Connection => {
  let waiting: Answered | undefined
  let text = ""
  let socket: Socket | undefined
  const dial = (): Socket => {
    const opened = createConnection({ host: "127.0.0.1", port, noDelay: true })
    opened.setEncoding("latin1")
    opened.on("data", (chunk: string) => {
      text += chunk
      const end = endOfAnswer(text)
      if (end === -1) return
      const head = text.slice(0, text.indexOf(HEAD_END))
      const status = text.slice(9, 12)
      const body = text.slice(head.length + HEAD_END.length, end)
      text = text.slice(end)
      if (closing.test(head)) {
        socket = undefined
        opened.destroy()
      }
      const answer = waiting
      waiting = undefined
      answer?.(status, retryAfter.test(head), body)
    })
    opened.on("error", () => {})
    opened.on("close", () => {
      if (socket !== opened) return
      socket = undefined
      text = ""
      const answer = waiting
      waiting = undefined
      if (answer === undefined) return
      cut()
      answer("cut", false, "")
    })
    return opened
  }
  return {
    open: () =>
      new Promise((done) => {
        socket = dial()
        socket.once("connect", done)
        socket.once("close", () => done())
      }),
    send: (request, answered) => {
      waiting = answered
      socket ??= dial()
      socket.write(request)
    },
    close: () => {
      waiting = undefined
      socket?.destroy()
      socket = undefined
    }
  }
}
