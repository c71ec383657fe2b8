import { Effect, Exit, Result, Scope } from "effect"
import { createServer } from "node:http"
import { type Answer, ASK } from "./LocalKafka.ts"
import { ownKafka } from "./OwnKafka.ts"

/**
 * vitest's `globalSetup`: one broker for a whole run, started when the first worker asks for it at LOCAL_KAFKA_URL, so
 * that runs without a test that needs Kafka start none. With KAFKA_BROKERS nobody asks.
 */
export const setup = async (): Promise<(() => Promise<void>) | undefined> => {
  if (process.env[ASK] !== undefined) return undefined
  const scope = await Effect.runPromise(Scope.make())
  let answer: Promise<Answer> | undefined
  const server = createServer((_, response) => {
    answer ??= Effect.runPromise(
      Effect.result(Scope.provide(ownKafka, scope)).pipe(
        Effect.map(Result.match({
          onFailure: ({ message }): Answer => ({ missing: message }),
          onSuccess: ({ brokers }): Answer => ({ brokers })
        }))
      )
    )
    answer.then(
      (body) => response.end(JSON.stringify(body)),
      (cause) => response.writeHead(500).end(JSON.stringify(String(cause)))
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no address to ask for a broker at")
  process.env[ASK] = `http://127.0.0.1:${address.port}/`
  return async () => {
    delete process.env[ASK]
    server.close()
    server.closeAllConnections()
    // One that is still starting is stopped once it runs.
    await answer?.catch(() => undefined)
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
