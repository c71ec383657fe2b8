import { Effect, Random } from "effect"
import { IncomingMessage, type Server, ServerResponse } from "node:http"
import { shedCounter } from "./HttpMetrics.ts"
import { refuseBusy } from "./RawServer.ts"
import { traceparentFrom } from "./Traceparent.ts"

export interface SheddingOptions {
  /** Requests worked on at once before others are turned away. */
  readonly bound: number
  /** What else such an answer carries, by the request's Origin. */
  readonly headers: (origin: string | undefined) => Readonly<Record<string, string>>
}

/**
 * Turns requests away with 503 and Retry-After while too many are being worked on. It stands in front of all listeners:
 * a refusal that went through the routes would cost most of what work does, and work is what suffers from a surplus.
 */
export const shedSurplus = (server: Server, { bound, headers }: SheddingOptions) =>
  Effect.gen(function*() {
    const random = yield* Random.Random
    const context = yield* Effect.context<never>()
    // Those that had to wait for routes are announced twice.
    const known = new WeakSet<ServerResponse>()
    let working = 0
    const emit: (event: string | symbol, ...args: ReadonlyArray<unknown>) => boolean = server.emit.bind(server)

    const isShed = (request: IncomingMessage, response: ServerResponse): boolean => {
      if (known.has(response)) return false
      known.add(response)
      if (working < bound) {
        working++
        response.once("close", () => void working--)
        return false
      }
      shedCounter.updateUnsafe(1, context)
      refuseBusy(response, traceparentFrom(undefined, random).slice(3, 35), headers(request.headers.origin))
      return true
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        server.emit = (event: string | symbol, ...args: ReadonlyArray<unknown>) => {
          const [request, response] = args
          return event === "request" && request instanceof IncomingMessage && response instanceof ServerResponse
              && isShed(request, response)
            ? true
            : emit(event, ...args)
        }
      }),
      () =>
        Effect.sync(() => {
          server.emit = emit
        })
    )
  })
