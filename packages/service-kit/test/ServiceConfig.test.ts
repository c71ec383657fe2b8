import { assert, describe, it } from "@effect/vitest"
import { type Config, ConfigProvider, Duration, Effect, Option, Redacted } from "effect"
import { scrubbed } from "../src/LogLine.ts"
import { failureText } from "../src/Main.ts"
import * as ServiceConfig from "../src/ServiceConfig.ts"
import { checked, configLine } from "../src/Variable.ts"

const read = <A>(config: Config.Config<A>, env: Record<string, string>) => config.parse(ConfigProvider.fromEnv({ env }))
const lineOf = <A>(config: Config.Config<A>, env: Record<string, string>) =>
  Effect.map(Effect.flip(read(config, env)), configLine)

const production = { GSTORE_ENV: "production" }

describe("A variable", () => {
  it.effect("that is wrong stops with one line that names it, what was found and what is expected", () =>
    Effect.gen(function*() {
      const lines = yield* Effect.all([
        lineOf(ServiceConfig.httpPort, { HTTP_PORT: "99999" }),
        lineOf(ServiceConfig.environment, { GSTORE_ENV: "prod" }),
        lineOf(ServiceConfig.rateLimit, { RATE_LIMIT: "many" }),
        lineOf(ServiceConfig.retentionInbox, { RETENTION_INBOX: "8 days" }),
        lineOf(ServiceConfig.trustedProxies, { TRUSTED_PROXIES: "10.0.0.0/8,proxy" }),
        lineOf(ServiceConfig.databaseUrl, {}),
        lineOf(ServiceConfig.authJwksUrl, { AUTH_JWKS_URL: "ftp://keys" }),
        lineOf(ServiceConfig.maxInFlight, { MAX_IN_FLIGHT: "0" })
      ])
      assert.deepStrictEqual(lines, [
        "HTTP_PORT: expected a port number from 0 to 65535, found \"99999\"",
        "GSTORE_ENV: expected one of development, production, found \"prod\"",
        "RATE_LIMIT: expected \"off\", or requests a second and burst such as 100,200, found \"many\"",
        "RETENTION_INBOX: expected a whole number with a unit, such as 24h or 8d, more than 0 and at most 36500d, found \"8 days\"",
        "TRUSTED_PROXIES: expected a comma list of CIDRs such as 10.0.0.0/8,192.168.1.7/32, found \"10.0.0.0/8,proxy\"",
        "DATABASE_URL: expected a URL of the form postgres://<user>:<password>@<host>:5432/<database>, found nothing",
        "AUTH_JWKS_URL: expected an http:// or https:// URL, found \"ftp://keys\"",
        "MAX_IN_FLIGHT: expected a whole number from 1 to 100000, found \"0\""
      ])
      for (const line of lines) {
        assert.notInclude(line, "\n")
        // What is printed is scrubbed, and still reads as it should.
        assert.strictEqual(scrubbed(line), line)
      }
    }))

  it.effect("that is a secret is never shown", () =>
    Effect.gen(function*() {
      const url = yield* lineOf(ServiceConfig.databaseUrl, { DATABASE_URL: "mysql://root:hunter2@db/orders" })
      assert.include(url, "DATABASE_URL: expected a URL")
      assert.notInclude(url, "hunter2")
      const key = yield* lineOf(ServiceConfig.staffApiKey, { STAFF_API_KEY: "has a space" })
      assert.include(key, "STAFF_API_KEY: expected a secret")
      assert.notInclude(key, "has a space")
    }))

  it.effect("that is empty counts as unset", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* read(ServiceConfig.httpPort, { HTTP_PORT: "" }), 8080)
      assert.isTrue(
        Option.isNone(
          yield* read(ServiceConfig.optionalDatabaseUrlIn("ORDERS_DATABASE_URL"), { ORDERS_DATABASE_URL: " " })
        )
      )
    }))

  it.effect("is read in every form that the interface names", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* read(ServiceConfig.rateLimit, {}), { perSecond: 100, burst: 200 })
      assert.isUndefined(yield* read(ServiceConfig.rateLimit, { RATE_LIMIT: "off" }))
      for (const text of ["10,30", "10 30", "10/30", "10:30", "10, 30"]) {
        assert.deepStrictEqual(yield* read(ServiceConfig.rateLimit, { RATE_LIMIT: text }), { perSecond: 10, burst: 30 })
      }
      assert.deepStrictEqual(yield* read(ServiceConfig.rateLimit, { RATE_LIMIT: "10" }), { perSecond: 10, burst: 20 })
      const durations = { "8d": 691_200_000, "24h": 86_400_000, "15m": 900_000, "30s": 30_000, "250ms": 250 }
      for (const [text, millis] of Object.entries(durations)) {
        const found = yield* read(ServiceConfig.retentionFeed, { RETENTION_FEED: text })
        assert.strictEqual(Duration.toMillis(found), millis)
      }
      assert.strictEqual(Duration.toDays(yield* read(ServiceConfig.retentionInbox, {})), 8)
      assert.strictEqual(Duration.toDays(yield* read(ServiceConfig.retentionFeed, {})), 90)
      assert.strictEqual(Duration.toHours(yield* read(ServiceConfig.retentionIdempotency, {})), 24)
    }))
})

describe("What is kept for a time", () => {
  it.effect("is kept for more than none, and for no time that no calendar has", () =>
    Effect.gen(function*() {
      const kept = {
        RETENTION_INBOX: ServiceConfig.retentionInbox,
        RETENTION_FEED: ServiceConfig.retentionFeed,
        RETENTION_IDEMPOTENCY: ServiceConfig.retentionIdempotency
      }
      for (const [name, config] of Object.entries(kept)) {
        for (const wrong of ["0d", "0ms", "36501d", "999999999d"]) {
          const line = yield* lineOf(config, { [name]: wrong })
          assert.match(line, new RegExp(`^${name}: expected .*more than 0 and at most 36500d, found "${wrong}"$`))
        }
        for (const right of ["7d", "36500d"]) yield* read(config, { [name]: right })
      }
      // Short times show how a purge works.
      assert.strictEqual(Duration.toMillis(yield* read(ServiceConfig.retentionInbox, { RETENTION_INBOX: "1ms" })), 1)
    }))
})

describe("A start", () => {
  it.effect("is told of every variable that is wrong, each once", () =>
    Effect.gen(function*() {
      const settings = [...ServiceConfig.serviceSettings, ServiceConfig.authJwksUrlIfTokensCount]
      const told = (env: Record<string, string>) =>
        checked(settings).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
          Effect.sandbox,
          Effect.flip,
          Effect.map((cause) => failureText(cause).split("\n").map((line) => line.split(":")[0]))
        )
      assert.deepStrictEqual(yield* told(production), ["AUTH_ISSUER", "STAFF_API_KEY", "AUTH_JWKS_URL"])
      // AUTH_MODE stands in the way of the others that hang on it, and is one fault.
      assert.deepStrictEqual(
        yield* told({ ...production, AUTH_MODE: "trusted-header", STAFF_API_KEY: "e7b1c4a9", RATE_LIMIT: "many" }),
        ["AUTH_MODE", "RATE_LIMIT"]
      )
    }))
})

describe("Production refuses", () => {
  const refuses = (what: string, config: Config.Config<unknown>, env: Record<string, string>, line: RegExp) =>
    it.effect(what, () =>
      Effect.gen(function*() {
        assert.match(yield* lineOf(config, { ...production, ...env }), line)
        // The same is fine in development.
        yield* read(config, { AUTH_JWKS_URL: "http://keys", ...env })
      }))

  refuses("an unset staff key", ServiceConfig.staffApiKey, {}, /^STAFF_API_KEY: .*development default/)
  refuses(
    "the marked staff key",
    ServiceConfig.staffApiKey,
    { STAFF_API_KEY: "dev-staff-key-not-for-production" },
    /^STAFF_API_KEY: /
  )
  refuses(
    "a development database password",
    ServiceConfig.databaseUrl,
    { DATABASE_URL: "postgres://orders:postgres@db/orders" },
    /^DATABASE_URL: the password .*development default/
  )
  refuses(
    "a database password that is marked",
    ServiceConfig.databaseUrl,
    { DATABASE_URL: "postgres://orders:orders-not-for-production@db/orders" },
    /^DATABASE_URL: /
  )
  refuses(
    "a database without a password",
    ServiceConfig.databaseUrl,
    { DATABASE_URL: "postgres://db/orders" },
    /^DATABASE_URL: /
  )
  refuses(
    "an inbox that forgets messages which may come again",
    ServiceConfig.retentionInbox,
    { RETENTION_INBOX: "7d" },
    /^RETENTION_INBOX: expected at least 180h: topics keep messages/
  )
  refuses("the development identity provider as issuer", ServiceConfig.authIssuer, {}, /^AUTH_ISSUER: /)
  refuses(
    "trusted-header without trusted proxies",
    ServiceConfig.authMode,
    { AUTH_MODE: "trusted-header" },
    /^AUTH_MODE: trusted-header needs TRUSTED_PROXIES/
  )

  it.effect("nothing that is set as it should be", () =>
    Effect.gen(function*() {
      const env = {
        ...production,
        STAFF_API_KEY: "e7b1c4a9",
        DATABASE_URL: "postgres://orders:p%40ss@db/orders",
        AUTH_ISSUER: "https://id.example",
        AUTH_JWKS_URL: "https://id.example/jwks.json"
      }
      assert.strictEqual(Redacted.value(yield* read(ServiceConfig.staffApiKey, env)), "e7b1c4a9")
      yield* read(ServiceConfig.databaseUrl, env)
      yield* read(ServiceConfig.authIssuer, env)
      yield* read(ServiceConfig.authMode, { ...env, AUTH_MODE: "trusted-header", TRUSTED_PROXIES: "10.0.0.0/8" })
    }))
})
