import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { webHandler } from "@g-store/service-kit/HttpServer.ts"
import { Clock, ConfigProvider, Effect, FileSystem, Layer, Logger } from "effect"
import { SecureRandom } from "effect/crypto"
import { DevelopmentKeys } from "../src/DevelopmentKeys.ts"
import { IdentityService } from "../src/IdentityService.ts"

export const env = (variables: Record<string, string>) =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env: variables }))

/** A folder that goes with the test. */
export const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()).pipe(
  Effect.provide(NodeServices.layer)
)

export interface Got {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** The provider in memory, with its key in `dir`. */
export const provider = (dir: string, variables: Record<string, string> = {}) =>
  Effect.gen(function*() {
    // The test's own clock, so that nothing depends on how fast the machine is.
    const clock = Layer.succeed(Clock.Clock, yield* Clock.Clock)
    const { dispose, handler } = webHandler(
      IdentityService.pipe(
        Layer.provide(DevelopmentKeys.layer(dir)),
        Layer.provide([SecureRandom.layerWebCrypto, NodeHttpServer.layerHttpServices]),
        Layer.provideMerge(Layer.merge(Logger.layer([]), clock)),
        Layer.provide(env(variables))
      ),
      { maxInFlight: 100 }
    )
    yield* Effect.addFinalizer(() => Effect.promise(dispose))
    const ask = (
      method: string,
      path: string,
      options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {}
    ) =>
      Effect.promise(async (): Promise<Got> => {
        const response = await handler(
          new Request(`http://identity.test${path}`, {
            method,
            headers: { "content-type": "application/json", ...options.headers },
            ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) })
          })
        )
        const text = await response.text()
        const body: unknown = text === "" ? {} : JSON.parse(text)
        return {
          status: response.status,
          headers: response.headers,
          body: typeof body === "object" && body !== null ? { ...body } : {}
        }
      })
    return { ask }
  })
