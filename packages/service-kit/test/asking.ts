import { Clock, ConfigProvider, Effect, Layer } from "effect"
import type { HttpRouter } from "effect/http"
import type { EdgeOptions } from "../src/Edge.ts"
import { webHandler } from "../src/HttpServer.ts"
import { logging } from "../src/Logging.ts"

/** An answer as a test looks at it: `body` is the JSON, or the text where it is none. */
export interface Got {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
  readonly text: string
}

export interface Ask {
  (
    method: string,
    path: string,
    init?: { readonly headers?: Record<string, string>; readonly body?: string }
  ): Effect.Effect<Got>
}

const parsed = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

export const env = (variables: Record<string, string>) =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env: variables }))

/** Routes in memory behind the edge; `logged` has the lines that they wrote, as JSON. */
export const inMemory = <A, E>(
  routes: Layer.Layer<A, E, HttpRouter.HttpRouter>,
  options?: EdgeOptions & { readonly env?: Record<string, string> }
) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const log = logging("things", {
      colour: false,
      write: (text) => void lines.push(...text.split("\n").filter((line) => line !== ""))
    })
    const settings = env({ LOG_FORMAT: "json", RATE_LIMIT: "off", ...options?.env })
    // The test's own clock, so that nothing depends on how fast the machine is.
    const clock = Layer.succeed(Clock.Clock, yield* Clock.Clock)
    const { dispose, handler } = webHandler(
      routes.pipe(Layer.provideMerge(Layer.merge(log, clock)), Layer.provide(settings)),
      { maxInFlight: 100, ...options }
    )
    yield* Effect.addFinalizer(() => Effect.promise(dispose))
    const ask: Ask = (method, path, init = {}) =>
      Effect.promise(async (signal) => {
        const response = await handler(new Request(`http://things.test${path}`, { method, signal, ...init }))
        const text = await response.text()
        return { status: response.status, headers: response.headers, text, body: parsed(text) }
      })
    const logged = Effect.promise(() => new Promise<void>((done) => void setImmediate(done))).pipe(
      Effect.map(() => lines.map(parsed))
    )
    return { ask, logged }
  })

/** The caller of the tests' static authentication, and a JSON body. */
export const as = (name: string, headers: Record<string, string> = {}) => ({
  authorization: `Bearer ${name}`,
  "content-type": "application/json",
  ...headers
})
