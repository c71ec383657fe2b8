import { Config, Duration, Effect, Option, Redacted, Result, Schema, SchemaTransformation } from "effect"
import * as IpNetwork from "effect/net/IpNetwork"
import { optional, refuse, required, variable } from "./Variable.ts"

/** Development defaults that production refuses. Each is safe to print: whoever sees one sees that it is none. */
export const DEVELOPMENT_STAFF_API_KEY = "dev-staff-key-not-for-production"
const DEVELOPMENT_ISSUER = "urn:g-store:development-identity"
export const DEVELOPMENT_DATABASE_PASSWORDS: ReadonlyArray<string> = [
  "postgres",
  "password",
  "g-store",
  "gstore",
  "dev"
]
/** Whatever says this of itself is a development default as well, in a compose file for instance. */
const MARK = "not-for-production"

const text = Schema.String
const oneOf = <const L extends ReadonlyArray<string>>(name: string, values: L, fallback: L[number]) =>
  variable<L[number]>(name, {
    expected: `one of ${values.join(", ")}`,
    schema: Schema.Literals(values),
    fallback
  })
const port = (name: string, fallback: number) =>
  variable(name, {
    expected: "a port number from 0 to 65535",
    schema: Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65535 })),
    fallback
  })

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const unitOf = (unit: string | undefined): number => units[(unit ?? "ms") as keyof typeof units]

/** `500ms`, `30s`, `15m`, `24h`, `8d`. */
const DurationFromText = Schema.String
  .check(Schema.isPattern(/^\d{1,9}(ms|s|m|h|d)$/))
  .pipe(Schema.decodeTo(
    Schema.Duration,
    SchemaTransformation.transform({
      decode: (value) => {
        const [, amount, unit] = /^(\d+)([a-z]+)$/.exec(value) ?? []
        return Duration.millis(Number(amount) * unitOf(unit))
      },
      encode: (duration) => `${Duration.toMillis(duration)}ms`
    })
  ))
const duration = (name: string, fallback: Duration.Input) =>
  variable(name, {
    expected: "a whole number with a unit, such as 30s, 15m, 24h or 8d",
    schema: DurationFromText,
    fallback: Duration.fromInputUnsafe(fallback)
  })

const decodes = (encoded: string): boolean => Result.isSuccess(Result.try(() => decodeURIComponent(encoded)))
const isUrl = (protocols: ReadonlyArray<string>) =>
  Schema.makeFilter<string>((value) => {
    if (!URL.canParse(value)) return false
    const { password, protocol, username } = new URL(value)
    return protocols.includes(protocol) && decodes(username) && decodes(password)
  })
export const httpUrl = { expected: "an http:// or https:// URL", schema: text.check(isUrl(["http:", "https:"])) }
const databaseUrlOptions = {
  // In angle brackets, which no scrubbing of passwords changes.
  expected: "a URL of the form postgres://<user>:<password>@<host>:5432/<database>",
  schema: text.check(isUrl(["postgres:", "postgresql:"])).pipe(
    Schema.decodeTo(
      Schema.Redacted(Schema.String),
      SchemaTransformation.transform({
        decode: (value) => Redacted.make(value),
        encode: Redacted.value
      })
    )
  ),
  secret: true
}

/** GSTORE_ENV: production refuses every development default. */
export const environment = oneOf("GSTORE_ENV", ["development", "production"], "development")

export const httpPort = port("HTTP_PORT", 8080)
export const adminPort = port("ADMIN_PORT", 9464)
/** Where a service listens; containers set 0.0.0.0. */
export const host = variable("HOST", { expected: "an address to listen on", schema: text, fallback: "127.0.0.1" })

const refuseInProduction = <A>(
  config: Config.Config<A>,
  name: string,
  fault: (value: A) => string | undefined
): Config.Config<A> =>
  Config.flatMap(environment, (env) =>
    Config.mapEffect(config, (value) => {
      const message = env === "production" ? fault(value) : undefined
      return message === undefined ? Effect.succeed(value) : Effect.fail(refuse(name, message))
    }))

const noDevelopmentPassword = (url: Redacted.Redacted): string | undefined => {
  const password = decodeURIComponent(new URL(Redacted.value(url)).password)
  return password === "" || password.includes(MARK) || DEVELOPMENT_DATABASE_PASSWORDS.includes(password)
    ? "the password is missing or a development default; GSTORE_ENV=production needs one of its own"
    : undefined
}

/** A database URL under any name; in production its password must be its own. */
export const databaseUrlIn = (name: string): Config.Config<Redacted.Redacted> =>
  refuseInProduction(required(name, databaseUrlOptions), name, noDevelopmentPassword)

/** A database URL that may be unset (embedded). */
export const optionalDatabaseUrlIn = (name: string): Config.Config<Option.Option<Redacted.Redacted>> =>
  refuseInProduction(
    optional(name, databaseUrlOptions),
    name,
    (url) => Option.isSome(url) ? noDevelopmentPassword(url.value) : undefined
  )

export const databaseUrl = databaseUrlIn("DATABASE_URL")

export const logFormat = oneOf("LOG_FORMAT", ["pretty", "json"], "pretty")

const cidrs = (value: string): ReadonlyArray<string> =>
  value.split(",").map((cidr) => cidr.trim()).filter((cidr) => cidr !== "")

/** TRUSTED_PROXIES: whose X-Forwarded-For (and, in trusted-header mode, X-User-ID) is believed. Plain IPv4 CIDRs match IPv4-mapped peers too. */
export const trustedProxies: Config.Config<ReadonlyArray<IpNetwork.IpNetwork>> = Config.map(
  variable("TRUSTED_PROXIES", {
    expected: "a comma list of CIDRs such as 10.0.0.0/8,192.168.1.7/32",
    schema: text.check(
      Schema.makeFilter((value) => cidrs(value).every((cidr) => IpNetwork.fromString(cidr)._tag === "Success"))
    ),
    fallback: ""
  }),
  (value) => cidrs(value).map((cidr) => IpNetwork.fromStringUnsafe(cidr))
)

/** AUTH_MODE: who is believed about who calls. */
export const authMode = Config.flatMap(
  trustedProxies,
  (networks) =>
    refuseInProduction(
      oneOf("AUTH_MODE", ["jwt", "trusted-header"], "jwt"),
      "AUTH_MODE",
      (mode) =>
        mode === "trusted-header" && networks.length === 0
          ? "trusted-header needs TRUSTED_PROXIES in production: without it anybody could name any user"
          : undefined
    )
)

/** AUTH_JWKS_URL: where the issuer publishes its keys. */
export const authJwksUrl = required("AUTH_JWKS_URL", httpUrl)
/** The same, where a store may do without: in development it issues tokens itself then. */
export const optionalAuthJwksUrl = optional("AUTH_JWKS_URL", httpUrl)

/** The same, for whoever does without where no token counts (trusted-header). */
export const authJwksUrlIfTokensCount: Config.Config<Option.Option<string>> = Config.flatMap(
  authMode,
  (mode) => mode === "jwt" ? Config.map(authJwksUrl, Option.some) : optionalAuthJwksUrl
)

const issuer = variable("AUTH_ISSUER", {
  expected: "the issuer of the tokens",
  schema: text,
  fallback: DEVELOPMENT_ISSUER
})

/** AUTH_ISSUER: the `iss` of the tokens that count. */
export const authIssuer = Config.flatMap(
  authMode,
  (mode) =>
    refuseInProduction(issuer, "AUTH_ISSUER", (value) =>
      mode === "jwt" && value === DEVELOPMENT_ISSUER
        ? "is unset or the development identity provider; GSTORE_ENV=production needs a real one"
        : undefined)
)

export const authAudience = variable("AUTH_AUDIENCE", {
  expected: "the audience of the tokens",
  schema: text,
  fallback: "g-store"
})
export const authUserClaim = variable("AUTH_USER_CLAIM", { expected: "a claim's name", schema: text, fallback: "sub" })
export const authRoleClaim = variable("AUTH_ROLE_CLAIM", { expected: "a claim's name", schema: text, fallback: "role" })
export const authStaffValue = variable("AUTH_STAFF_VALUE", {
  expected: "the role claim's value for staff",
  schema: text,
  fallback: "staff"
})

export const staffApiKey = refuseInProduction(
  Config.map(
    variable("STAFF_API_KEY", {
      expected: "a secret of printable characters without spaces",
      schema: text.check(Schema.isPattern(/^[\x21-\x7e]{1,512}$/)),
      secret: true,
      fallback: DEVELOPMENT_STAFF_API_KEY
    }),
    (key): Redacted.Redacted => Redacted.make(key)
  ),
  "STAFF_API_KEY",
  (key) =>
    Redacted.value(key).includes(MARK)
      ? "is unset or the development default; GSTORE_ENV=production needs a secret of its own"
      : undefined
)

/** Requests a second and the burst above them. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

const RateFromText = Schema.String
  .check(Schema.isPattern(/^(off|[1-9]\d{0,6}(\s*[,/: ]\s*[1-9]\d{0,6})?)$/i))
  .pipe(Schema.decodeTo(
    Schema.Struct({ perSecond: Schema.Int, burst: Schema.Int }).pipe(Schema.UndefinedOr),
    SchemaTransformation.transform({
      decode: (value) => {
        const [perSecond, burst] = value.split(/[,/: ]+/).map(Number)
        return perSecond === undefined || Number.isNaN(perSecond)
          ? undefined
          : { perSecond, burst: burst ?? perSecond * 2 }
      },
      encode: (rate) => rate === undefined ? "off" : `${rate.perSecond},${rate.burst}`
    })
  ))

/** RATE_LIMIT; undefined is off. */
export const rateLimit = variable<Rate | undefined>("RATE_LIMIT", {
  expected: "\"off\", or requests a second and burst such as 100,200",
  schema: RateFromText,
  fallback: { perSecond: 100, burst: 200 }
})

/** MAX_IN_FLIGHT: requests worked on at once before a service sheds load with 503. */
export const maxInFlight = variable("MAX_IN_FLIGHT", {
  expected: "a whole number from 1 to 100000",
  schema: Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 100_000 })),
  fallback: 1000
})

/** OTEL_EXPORTER_OTLP_ENDPOINT: the collector that spans are sent to; none where it is unset. */
export const otlpEndpoint = optional("OTEL_EXPORTER_OTLP_ENDPOINT", httpUrl)

/** CURRENCY: how amounts are shown; they are minor units whatever it says. */
export const currency = variable("CURRENCY", {
  expected: "a currency's code such as RUB",
  schema: text.check(Schema.isPattern(/^[A-Z]{3}$/)),
  fallback: "RUB"
})

/** What a stop may wait before the server closes: the requests that are under way then need the rest of the 10 seconds. */
const LONGEST_DELAY = Duration.seconds(7)

/**
 * SHUTDOWN_DELAY: how long a process that was told to stop goes on taking requests, so that whoever sends them has seen
 * it unready. 3s for a service on Kafka, which has replicas and something in front of it; none for the store in one process.
 */
export const shutdownDelay = Config.mapEffect(
  Config.flatMap(
    optional("KAFKA_BROKERS", { expected: "a comma list of host:port", schema: text }),
    (brokers) => duration("SHUTDOWN_DELAY", Option.isSome(brokers) ? "3 seconds" : 0)
  ),
  (delay) =>
    Duration.isLessThanOrEqualTo(delay, LONGEST_DELAY)
      ? Effect.succeed(delay)
      : Effect.fail(refuse(
        "SHUTDOWN_DELAY",
        `expected at most ${Duration.format(LONGEST_DELAY)}, found ${
          Duration.format(delay)
        }: a stop must be over within 10 s`
      ))
)

/** A longer time has no date that PostgreSQL could subtract it from. */
const LONGEST_RETENTION = Duration.days(36_500)
/** How long topics keep a message where we create them: 7 days, and as they go by the segment 12 hours more. */
const TOPICS_KEEP = Duration.hours(7 * 24 + 12)

const retention = (name: string, fallback: Duration.Input) =>
  variable(name, {
    expected: "a whole number with a unit, such as 24h or 8d, more than 0 and at most 36500d",
    schema: DurationFromText.check(
      Schema.makeFilter((time) => !Duration.isZero(time) && Duration.isLessThanOrEqualTo(time, LONGEST_RETENTION))
    ),
    fallback: Duration.fromInputUnsafe(fallback)
  })

const inboxRetention = retention("RETENTION_INBOX", "8 days")

/** What is wrong with RETENTION_INBOX, for a store that is more than a trial. */
const forgetsTooSoon = (time: Duration.Duration): string | undefined =>
  Duration.isLessThan(time, TOPICS_KEEP)
    ? "expected at least 180h: topics keep messages for so long, and one that comes again after its mark is gone is "
      + "handled a second time"
    : undefined

/** RETENTION_INBOX: how long it is known which messages were handled. */
export const retentionInbox = refuseInProduction(inboxRetention, "RETENTION_INBOX", forgetsTooSoon)

/** What production would refuse about RETENTION_INBOX: in development a short one shows how the inbox is purged. */
export const retentionInboxFault = Config.map(inboxRetention, forgetsTooSoon)

export const retentionFeed = retention("RETENTION_FEED", "90 days")
export const retentionIdempotency = retention("RETENTION_IDEMPOTENCY", "24 hours")

/** What every service of the store reads, besides where its database and Kafka are. */
export const serviceSettings: ReadonlyArray<Config.Config<unknown>> = [
  environment,
  host,
  adminPort,
  authMode,
  authIssuer,
  staffApiKey,
  trustedProxies,
  rateLimit,
  maxInFlight,
  shutdownDelay,
  retentionInbox,
  retentionFeed,
  retentionIdempotency
]
