import { Effect, Layer, Logger, LogLevel, References, Schema } from "effect"
import { Option } from "effect"
import { entryOf, jsonLine, prettyLine } from "./LogLine.ts"
import { logFormat } from "./ServiceConfig.ts"
import { optional, variable } from "./Variable.ts"

const levels = {
  all: "All",
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  fatal: "Fatal",
  off: "None",
  none: "None"
} as const
const isLevelName = (name: string): name is keyof typeof levels => Object.hasOwn(levels, name)
const levelNames = "all, trace, debug, info, warn, error, fatal or none"
const levelOf = (name: string): LogLevel.LogLevel | undefined => {
  const lower = name.trim().toLowerCase().replace(/^warning$/, "warn")
  return isLevelName(lower) ? levels[lower] : undefined
}

/** Levels by module; the longest prefix of a line's `module` decides. */
export type LogFilter = Readonly<Record<string, LogLevel.LogLevel>>

/** `messaging=debug,http=warn`; undefined where it is anything else. */
export const parseFilter = (text: string): LogFilter | undefined => {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "").map((pair) => pair.split("="))
  const filter: Record<string, LogLevel.LogLevel> = {}
  for (const [module, name, ...more] of pairs) {
    const level = name === undefined ? undefined : levelOf(name)
    if (module === undefined || module.trim() === "" || level === undefined || more.length > 0) return undefined
    filter[module.trim()] = level
  }
  return filter
}

const level = variable("LOG_LEVEL", {
  expected: levelNames,
  schema: Schema.String.check(Schema.makeFilter((name) => levelOf(name) !== undefined)),
  fallback: "info"
})
const filter = optional("LOG_FILTER", {
  expected: `module=level pairs such as messaging=debug,http=warn, where a level is ${levelNames}`,
  schema: Schema.String.check(Schema.makeFilter((text) => parseFilter(text) !== undefined))
})

/** Which lines pass. A module's own level is looked up once per module: names are few. */
const makePasses = (base: LogLevel.LogLevel, byModule: LogFilter) => {
  const prefixes = Object.keys(byModule).toSorted((a, b) => b.length - a.length)
  const known = new Map<string, LogLevel.LogLevel>()
  const levelFor = (module: string): LogLevel.LogLevel => {
    const hit = known.get(module)
    if (hit !== undefined) return hit
    const prefix = prefixes.find((one) => module === one || module.startsWith(`${one}.`))
    const found = (prefix === undefined ? undefined : byModule[prefix]) ?? base
    known.set(module, found)
    return found
  }
  return (module: unknown, at: LogLevel.LogLevel): boolean =>
    LogLevel.isGreaterThanOrEqualTo(at, typeof module === "string" ? levelFor(module) : base)
}

/** Where lines go. */
export interface LogSink {
  readonly write: (text: string) => void
  readonly colour: boolean
}

/**
 * Lines of one turn of the event loop leave in one write: under load that saves a system call a request. What is left
 * goes when the layer closes or the process exits.
 */
const buffered = (sink: LogSink) =>
  Effect.gen(function*() {
    let lines: Array<string> = []
    let scheduled = false
    const flush = () => {
      scheduled = false
      if (lines.length === 0) return
      const text = `${lines.join("\n")}\n`
      lines = []
      sink.write(text)
    }
    process.on("exit", flush)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        flush()
        process.off("exit", flush)
      })
    )
    return (line: string) => {
      lines.push(line)
      if (scheduled) return
      scheduled = true
      setImmediate(flush)
    }
  })

const standardOut: LogSink = {
  write: (text) => process.stdout.write(text),
  colour: process.stdout.isTTY === true
}

/**
 * The log of a process: LOG_FORMAT, LOG_LEVEL, LOG_FILTER. Every line carries the service and, where there is one, the
 * trace id. `service` is what lines without a `service` annotation of their own are of.
 */
export const logging = (service: string, sink: LogSink = standardOut) =>
  Layer.unwrap(Effect.gen(function*() {
    const format = yield* logFormat
    const base = levelOf(yield* level) ?? "Info"
    const byModule = Option.match(yield* filter, { onNone: () => ({}), onSome: (text) => parseFilter(text) ?? {} })
    const passes = makePasses(base, byModule)
    const write = yield* buffered(sink)
    const logger = Logger.make<unknown, void>((options) => {
      const module = options.fiber.getRef(References.CurrentLogAnnotations)["module"]
      if (!passes(module, options.logLevel)) return
      const entry = entryOf(options)
      write(format === "json" ? jsonLine(entry, service) : prettyLine(entry, sink.colour))
    })
    const lowest = Object.values(byModule).reduce((a, b) => (LogLevel.isLessThan(b, a) ? b : a), base)
    return Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, lowest))
  }))
