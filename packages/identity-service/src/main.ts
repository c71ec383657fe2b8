import * as NodeServices from "@effect/platform-node/NodeServices"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { httpProgram } from "@g-store/service-kit/ServiceProgram.ts"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { DevelopmentKeys } from "./DevelopmentKeys.ts"
import { allowedHere, identityDataDir } from "./IdentityConfig.ts"
import { IdentityService } from "./IdentityService.ts"

const routes = Layer.unwrap(Effect.map(identityDataDir, (folder) =>
  IdentityService.pipe(
    Layer.provide(DevelopmentKeys.layer(folder)),
    Layer.provide([SecureRandom.layerWebCrypto, NodeServices.layer])
  )))

// Refused before it listens anywhere, or makes a key.
runProcess(Layer.unwrap(Effect.map(allowedHere, () => httpProgram("identity-service", routes))))
