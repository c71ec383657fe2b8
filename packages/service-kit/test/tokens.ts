import { Effect } from "effect"
import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWTPayload, SignJWT } from "jose"

/** The issuer and the audience that the tests' tokens are for, as AUTH_ISSUER and AUTH_AUDIENCE. */
export const ISSUER = "https://id.example"
export const AUDIENCE = "g-store"

/** Seconds since the epoch at which the tests' tokens are issued: where the test clock begins. */
export const ISSUED_AT = 0

export interface Signer {
  readonly jwks: JSONWebKeySet
  /** A token that holds for an hour from the epoch, with `claims` over the defaults. */
  readonly sign: (claims?: JWTPayload, options?: { readonly withoutExpiry?: boolean }) => Effect.Effect<string>
}

/** An identity provider's key. Without a `kid` its tokens and its key name none. */
export const makeSigner = (kid: string | undefined, alg = "ES256"): Effect.Effect<Signer> =>
  Effect.promise(async () => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = await exportJWK(publicKey)
    return {
      jwks: { keys: [{ ...jwk, alg, ...(kid === undefined ? {} : { kid }) }] },
      sign: (claims = {}, options = {}) =>
        Effect.promise(() =>
          new SignJWT({
            iss: ISSUER,
            aud: AUDIENCE,
            iat: ISSUED_AT,
            ...(options.withoutExpiry === true ? {} : { exp: ISSUED_AT + 3600 }),
            ...claims
          })
            .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
            .sign(privateKey)
        )
    }
  })
