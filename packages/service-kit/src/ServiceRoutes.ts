import { Layer } from "effect"
import { type HttpApi, HttpApiBuilder, type HttpApiGroup } from "effect/http-api"
import { apiDocuments, documentPaths } from "./ApiDocuments.ts"
import { methodRoutes, pathsOf } from "./MethodRoutes.ts"

export interface ServiceRoutesOptions {
  /** The prefix that the gateway serves this API under, such as `/api/orders`. */
  readonly publicPath: `/${string}`
}

/**
 * Everything that a service serves: its API, `openapi.json`, `swagger/index.html`, and 405 with Allow where a path is
 * known but not for that method. Works mounted under a prefix as well as alone: no URL in it is absolute.
 */
export const serviceRoutes = <Id extends string, Groups extends HttpApiGroup.Constraint, E, R>(
  api: HttpApi.HttpApi<Id, Groups>,
  handlers: Layer.Layer<HttpApiGroup.ToService<Id, Groups>, E, R>,
  options: ServiceRoutesOptions
) => {
  const served = pathsOf(api)
  for (const path of documentPaths) served.set(path, new Set(["GET"]))
  return Layer.mergeAll(
    HttpApiBuilder.layer(api).pipe(Layer.provide(handlers)),
    apiDocuments(api, options.publicPath),
    methodRoutes(served)
  )
}
