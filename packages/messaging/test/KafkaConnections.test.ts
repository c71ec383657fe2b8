import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Kafka, logLevel } from "kafkajs"
import Connection from "kafkajs/src/network/connection.js"
import { createServer, type Socket } from "node:net"
import { separateConnections } from "../src/kafka/connections.ts"
import { watchedSockets } from "../src/kafka/sockets.ts"
import { quietTimers } from "../src/kafka/timers.ts"

/** An answer as it goes over the wire: its length, the number of the request, what it says. */
const answer = (correlationId: number, text: string): Buffer => {
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + text.length)
  head.writeInt32BE(correlationId, 4)
  return Buffer.concat([head, Buffer.from(text)])
}

/** A broker that does with its nth connection what the nth function says. */
const broker = (...connections: ReadonlyArray<(socket: Socket) => void>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
      let nth = 0
      const server = createServer((socket) => connections[nth++]?.(socket))
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed({
          port: typeof address === "object" && address !== null ? address.port : 0,
          close: () => void server.close()
        }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

describe("separateConnections", () => {
  quietTimers()
  separateConnections()

  it.live("lets a connection that follows one that broke in the middle of an answer read its own answers", () =>
    Effect.gen(function*() {
      const { port } = yield* broker(
        (socket) => {
          // Less than the answer that it announces, then nothing more.
          socket.end(answer(0, "the first half and the second half").subarray(0, 20))
        },
        (socket) => void socket.write(answer(1, "whole"))
      )
      const connection = new Connection({
        host: "127.0.0.1",
        port,
        logger: new Kafka({ brokers: [], logLevel: logLevel.NOTHING }).logger(),
        socketFactory: watchedSockets(60_000),
        requestTimeout: 2_000,
        connectionTimeout: 5_000
      })
      const ask = (correlationId: number) =>
        Effect.tryPromise(() =>
          new Promise<{ readonly payload: Buffer }>((resolve, reject) =>
            connection.requestQueue.push({
              entry: { apiKey: 3, apiName: "Metadata", apiVersion: 0, correlationId, resolve, reject },
              expectResponse: true,
              sendRequest: () => undefined
            })
          )
        )
      yield* Effect.promise(() => connection.connect())
      assert.isTrue(Exit.isFailure(yield* Effect.exit(ask(0))))
      // Waits until kafkajs has left the broken one.
      yield* Effect.promise(() => connection.disconnect())
      yield* Effect.promise(() => connection.connect())
      const heard = yield* Effect.exit(ask(1))
      assert.strictEqual(Exit.isSuccess(heard) ? String(heard.value.payload) : "nothing", "whole")
      yield* Effect.promise(() => connection.disconnect())
    }).pipe(Effect.scoped))
})
