import { environment } from "@g-store/service-kit/ServiceConfig.ts"
import { refuse, variable } from "@g-store/service-kit/Variable.ts"
import { type Config, Effect, Schema } from "effect"

/** IDENTITY_DATA_DIR: where the signing key is kept, so that tokens survive a restart. */
export const identityDataDir = variable("IDENTITY_DATA_DIR", {
  expected: "a folder",
  schema: Schema.String,
  fallback: ".g-store/identity"
})

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** GSTORE_BIND: the address that compose publishes ports on. */
const bind = variable("GSTORE_BIND", { expected: "an address", schema: Schema.String, fallback: "127.0.0.1" })

/**
 * Fails where a provider that gives a token to whoever asks has no place: in production, and where others than this
 * machine reach it.
 */
export const allowedHere: Effect.Effect<void, Config.ConfigError> = Effect.gen(function*() {
  if ((yield* environment) === "production") {
    return yield* Effect.fail(
      refuse("GSTORE_ENV", "production must not run the development identity provider, which gives anybody a token")
    )
  }
  const address = yield* bind
  if (!loopback.test(address)) {
    return yield* Effect.fail(refuse(
      "GSTORE_BIND",
      `expected a loopback address such as 127.0.0.1, found ${
        JSON.stringify(address)
      }: the development identity provider`
        + " gives anybody a token, so it must not be reachable from other machines"
    ))
  }
})
