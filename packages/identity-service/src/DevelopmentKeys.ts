import { TokenKeys } from "@g-store/service-kit/TokenKeys.ts"
import { Context, Effect, Layer } from "effect"
import { type JSONWebKeySet, type JWTPayload, SignJWT } from "jose"
import { ALGORITHM, signingKey } from "./SigningKey.ts"

/** The development identity provider's key: signs its tokens, and is published so that others can verify them. */
export class DevelopmentKeys extends Context.Service<DevelopmentKeys, {
  readonly sign: (claims: JWTPayload) => Effect.Effect<string>
  /** The public half, as `/.well-known/jwks.json` serves it. */
  readonly jwks: JSONWebKeySet
}>()("@g-store/identity-service/DevelopmentKeys") {
  /** Kept in `folder` (mode 0600), made there at the first start. */
  static readonly layer = (folder: string) =>
    Layer.effect(
      DevelopmentKeys,
      Effect.map(signingKey(folder), ({ key, kid, published }) =>
        DevelopmentKeys.of({
          jwks: { keys: [published] },
          sign: (claims) =>
            Effect.promise(() => new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" }).sign(key))
        }))
    )
}

/** Verifies the provider's tokens in its own process, without HTTP. */
export const DevelopmentTokenKeys = Layer.unwrap(
  Effect.map(DevelopmentKeys, ({ jwks }) => TokenKeys.layerLocal(jwks))
)
