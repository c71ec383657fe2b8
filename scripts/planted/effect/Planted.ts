import { Context, Effect, Layer } from "effect"

class Database extends Context.Service<Database, { readonly url: string }>()("@g-store/planted/Wrong") {} // refused: deterministicKeys
const DatabaseLive = Layer.succeed(Database, { url: "" })
class Cache extends Context.Service<Cache, { readonly size: number }>()("g-store/Planted/Cache") {}
const CacheLive = Layer.effect(Cache, Effect.map(Database, ({ url }) => ({ size: url.length })))
export class Users extends Context.Service<Users, { // refused: leakingRequirements
  readonly byId: (id: string) => Effect.Effect<string, never, Database>
  readonly all: () => Effect.Effect<Array<string>, never, Database>
}>()("g-store/Planted/Users") {}

export const Both = Layer.mergeAll(DatabaseLive, CacheLive) // refused: layerMergeAllWithDependencies
export const provided = Effect.provide(Database, DatabaseLive) // refused: strictEffectProvide
export const trusted = Effect.fail("no") as Effect.Effect<never> // refused: unsafeEffectTypeAssertion
export const vague = Effect.fail(JSON.parse("{}") as unknown) // refused: anyUnknownInErrorContext
export const outside = () => [
  Date.now(), // refused: globalDate
  new Date(), // refused: globalDate
  Math.random(), // refused: globalRandom
  crypto.randomUUID(), // refused: cryptoRandomUUID
  process.env.HOME // refused: processEnv
]
export const inside = Effect.gen(function*() {
  Effect.void // refused: floatingEffect
  const facts = [
    Date.now(), // refused: globalDateInEffect
    Math.random(), // refused: globalRandomInEffect
    crypto.randomUUID(), // refused: cryptoRandomUUIDInEffect
    process.env.HOME // refused: processEnvInEffect
  ]
  yield* Effect.log(facts)
  yield* Effect.die("no way out") // refused: missingReturnYieldStar
})
