import { Effect, FileSystem, Path, Schema } from "effect"
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from "jose"

/** ES256: small tokens, and the cheapest of the accepted algorithms to verify. */
export const ALGORITHM = "ES256"

/** The signing key cannot be kept or read; `message` says where and what to do. */
export class SigningKeyUnusable extends Schema.TaggedError<SigningKeyUnusable>()("SigningKeyUnusable", {
  message: Schema.String
}) {}

/** A P-256 key pair as RFC 7517 writes it; `d` is the secret. */
const PrivateJwk = Schema.Struct({
  kty: Schema.Literal("EC"),
  crv: Schema.Literal("P-256"),
  x: Schema.String,
  y: Schema.String,
  d: Schema.String
})
type PrivateJwk = typeof PrivateJwk.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(PrivateJwk))
const decodeExported = Schema.decodeUnknownEffect(PrivateJwk)

const generated = Effect.promise(() => generateKeyPair(ALGORITHM, { extractable: true })).pipe(
  Effect.flatMap(({ privateKey }) => Effect.promise(() => exportJWK(privateKey))),
  Effect.flatMap(decodeExported),
  Effect.orDie
)

/**
 * The key of a folder, made at the first start. Written aside, then linked into place: of two starters one makes the
 * key and both read it, and a crash leaves no half of one.
 */
const stored = (folder: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.join(folder, "identity-key.json")
    const unusable = (what: string) => new SigningKeyUnusable({ message: `IDENTITY_DATA_DIR: ${file} ${what}` })

    const make = Effect.gen(function*() {
      yield* fs.makeDirectory(folder, { recursive: true, mode: 0o700 })
      const draft = path.join(yield* fs.makeTempDirectoryScoped({ directory: folder, prefix: "key-" }), "key.json")
      yield* fs.writeFileString(draft, `${JSON.stringify(yield* generated)}\n`, { mode: 0o600 })
      yield* fs.link(draft, file).pipe(
        Effect.catch((error) => Effect.flatMap(fs.exists(file), (there) => there ? Effect.void : Effect.fail(error)))
      )
    })

    if (!(yield* fs.exists(file))) yield* Effect.scoped(make)
    const text = yield* fs.readFileString(file)
    return yield* decode(text).pipe(
      Effect.mapError(() => unusable("is not the key that was written there: remove it, and tokens issued so far end"))
    )
  }).pipe(Effect.catchTag("PlatformError", (error) =>
    Effect.fail(
      new SigningKeyUnusable({
        message: `IDENTITY_DATA_DIR: the signing key cannot be kept in ${folder}: ${error.message}`
      })
    )))

/** The key to sign with, and what verifiers are told of it. */
export const signingKey = (folder: string) =>
  Effect.gen(function*() {
    const jwk: PrivateJwk = yield* stored(folder)
    const { d: _secret, ...shared } = jwk
    const kid = yield* Effect.promise(() => calculateJwkThumbprint(shared))
    const key = yield* Effect.promise(() => importJWK(jwk, ALGORITHM))
    return { key, kid, published: { ...shared, kid, alg: ALGORITHM, use: "sig" } }
  })
