import * as NodeServices from "@effect/platform-node/NodeServices"
import { adminServer } from "@g-store/service-kit/AdminServer.ts"
import { Health, readyWhile } from "@g-store/service-kit/Health.ts"
import { httpServer, serve } from "@g-store/service-kit/HttpServer.ts"
import { logging } from "@g-store/service-kit/Logging.ts"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { adminPort, host, httpPort } from "@g-store/service-kit/ServiceConfig.ts"
import { tracing } from "@g-store/service-kit/Tracing.ts"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { DevelopmentKeys } from "./DevelopmentKeys.ts"
import { allowedHere, identityDataDir } from "./IdentityConfig.ts"
import { IdentityService } from "./IdentityService.ts"

const Program = Layer.unwrap(Effect.gen(function*() {
  yield* allowedHere
  const address = yield* host
  const folder = yield* identityDataDir
  const Http = serve(IdentityService).pipe(
    Layer.provide(httpServer({ host: address, port: yield* httpPort, variable: "HTTP_PORT" })),
    Layer.provide(DevelopmentKeys.layer(folder)),
    Layer.provide([SecureRandom.layerWebCrypto, NodeServices.layer])
  )
  const Admin = adminServer({ host: address, port: yield* adminPort, variable: "ADMIN_PORT" })
  return readyWhile(Http).pipe(Layer.provide(Admin))
}))

runProcess(
  Program.pipe(
    Layer.provide(Health.layer),
    Layer.provide(logging("identity-service")),
    Layer.provide(tracing("identity-service"))
  )
)
