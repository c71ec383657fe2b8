import { Layer } from "effect"
import { AuthenticationLive } from "./Authentication.ts"
import { Callers } from "./Callers.ts"
import { EdgeProblemsLive } from "./EdgeProblems.ts"
import { RateLimitLive } from "./RateLimiting.ts"
import { TokenVerifier } from "./TokenVerifier.ts"

/**
 * What stands in front of every API: who calls, how often, and what a request must look like. `Callers` comes along for
 * sockets, which authenticate by message. Needs `TokenKeys`: `TokenKeys.layerConfig` from a URL, or keys of this process.
 */
export const Guards = Layer.mergeAll(AuthenticationLive, RateLimitLive, EdgeProblemsLive).pipe(
  Layer.provideMerge(Callers.layer),
  Layer.provide(TokenVerifier.layer)
)
