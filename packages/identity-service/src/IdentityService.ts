import { IdentityApi } from "@g-store/contracts/IdentityApi.ts"
import { EdgeProblemsLive } from "@g-store/service-kit/EdgeProblems.ts"
import { serviceRoutes } from "@g-store/service-kit/ServiceRoutes.ts"
import { Effect, Layer } from "effect"
import { IdentityHandlers } from "./http.ts"
import { allowedHere } from "./IdentityConfig.ts"

/**
 * What the development identity provider answers over HTTP. Building it fails in production, and where GSTORE_BIND lets
 * other machines in.
 */
export const IdentityService = Layer.unwrap(
  Effect.map(
    allowedHere,
    () =>
      serviceRoutes(IdentityApi, IdentityHandlers, { publicPath: "/api/identity" }).pipe(
        Layer.provide(EdgeProblemsLive)
      )
  )
)
