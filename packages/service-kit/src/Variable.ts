import { Cause, Config, Effect, Option, Result, Schema, SchemaIssue } from "effect"

/** How one environment variable is read. */
export interface VariableOptions<A> {
  /** Completes "expected ...", in words that an operator understands. */
  readonly expected: string
  /** Text to value; a refusal's own words are not shown, `expected` is. */
  readonly schema: Schema.ConstraintDecoder<A>
  /** A secret's value never reaches a message. */
  readonly secret?: boolean
}

/** Fails a Config with one line about a variable; `configLine` prints it as `NAME: message`. */
export const refuse = (name: string, message: string): Config.ConfigError =>
  new Config.ConfigError(
    new Schema.SchemaError(new SchemaIssue.Pointer([name], new SchemaIssue.InvalidValue({ message })))
  )

/**
 * An environment variable that may be absent. Empty counts as absent, because compose files pass unset variables on as
 * empty ones.
 */
export const optional = <A>(name: string, options: VariableOptions<A>): Config.Config<Option.Option<A>> => {
  const decode = Schema.decodeUnknownResult(options.schema)
  return Config.option(Config.String(name)).pipe(
    Config.mapEffect((found) => {
      const text = Option.getOrElse(found, () => "").trim()
      if (text === "") return Effect.succeed(Option.none())
      const decoded = decode(text)
      if (Result.isSuccess(decoded)) return Effect.succeed(Option.some(decoded.success))
      const shown = options.secret === true ? "another value" : JSON.stringify(text)
      return Effect.fail(refuse(name, `expected ${options.expected}, found ${shown}`))
    })
  )
}

/** An environment variable with a default. */
export const variable = <A>(name: string, options: VariableOptions<A> & { readonly fallback: A }): Config.Config<A> =>
  Config.map(optional(name, options), Option.getOrElse(() => options.fallback))

/** An environment variable that must be there. */
export const required = <A>(name: string, options: VariableOptions<A>): Config.Config<A> =>
  Config.mapEffect(optional(name, options), (found) =>
    Option.isSome(found)
      ? Effect.succeed(found.value)
      : Effect.fail(refuse(name, `expected ${options.expected}, found nothing`)))

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The one line that an operator reads when a variable stops the start. */
export const configLine = (error: Config.ConfigError): string => {
  const cause = error.cause
  if (!Schema.isSchemaError(cause)) return `configuration: ${cause.message}`
  return format(cause.issue).issues
    .map(({ message, path }) => `${(path ?? []).map(String).join("_") || "configuration"}: ${message}`)
    .join("; ")
}

/**
 * Reads all of these and fails with every fault, each once: a start that read them where it needs them would name one
 * at a time.
 */
export const checked = (configs: ReadonlyArray<Config.Config<unknown>>): Effect.Effect<void, Config.ConfigError> =>
  Effect.gen(function*() {
    const faults = new Map<string, Config.ConfigError>()
    for (const config of configs) {
      const read = yield* Effect.result(config)
      if (Result.isFailure(read)) faults.set(configLine(read.failure), read.failure)
    }
    const [first, ...rest] = faults.values()
    if (first === undefined) return
    return yield* Effect.failCause(Cause.fromReasons([first, ...rest].map(Cause.makeFailReason)))
  })
