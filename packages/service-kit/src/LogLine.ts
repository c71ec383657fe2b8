import { CurrentTraceparent, traceId } from "@g-store/messaging/TraceContext.ts"
import { Cause, Formatter, type Logger, type LogLevel, References } from "effect"

/** One thing that happened, as it goes to the log. */
export interface Entry {
  readonly timestamp: string
  readonly level: LogLevel.LogLevel
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
  readonly traceId: string | undefined
  /** What went wrong, with stacks; several lines. */
  readonly cause: string | undefined
}

const messageOf = (part: unknown): string => {
  if (typeof part === "string") return part
  if (!(part instanceof Error)) return Formatter.formatJson(part)
  const below = part.cause instanceof Error ? ` (${messageOf(part.cause)})` : ""
  const name = part.message.startsWith(part.name) ? "" : `${part.name}: `
  return `${name}${part.message}${below}`
}

/** Reads what the runtime hands a logger: the trace is the fiber's, whoever logs. */
export const entryOf = ({ cause, date, fiber, logLevel, message }: Logger.Options<unknown>): Entry => ({
  timestamp: date.toISOString(),
  level: logLevel,
  message: Array.isArray(message) ? message.map(messageOf).join(" ") : messageOf(message),
  annotations: fiber.getRef(References.CurrentLogAnnotations),
  traceId: traceId(fiber.getRef(CurrentTraceparent)),
  cause: cause.reasons.length === 0 ? undefined : Cause.pretty(cause)
})

// Tokens and passwords have no business in a log; should one get into a message all the same, it does not come out.
const token = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g
const bearer = /\b(bearer|basic) +[\w~+/.=-]{8,}/gi
const password = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s@/]+@/gi

/** A line without what looks like a token or a URL's password. */
export const scrubbed = (line: string): string =>
  line.replace(token, "<token>").replace(bearer, "$1 <credentials>").replace(password, "$1:<password>@")

/** A value as JSON; what is no plain text or number goes through Effect's formatter, which hides what is redacted. */
const jsonOf = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "number" && Number.isFinite(value)
    ? String(value)
    : Formatter.formatJson(value)

/** One JSON object a line, annotations beside the fixed members. Written by hand: every request has a line. */
export const jsonLine = (entry: Entry, service: string): string => {
  const { annotations, cause, level, message, timestamp, traceId: trace } = entry
  let line = `{"timestamp":"${timestamp}","level":"${level.toUpperCase()}"`
  if (annotations["service"] === undefined) line += `,"service":${JSON.stringify(service)}`
  for (const name of Object.keys(annotations)) line += `,${JSON.stringify(name)}:${jsonOf(annotations[name])}`
  line += `,"message":${JSON.stringify(message)}`
  if (trace !== undefined) line += `,"traceId":"${trace}"`
  if (cause !== undefined) line += `,"cause":${JSON.stringify(cause)}`
  return scrubbed(`${line}}`)
}

const colours: Partial<Record<LogLevel.LogLevel, string>> = {
  Warn: "\x1b[33m",
  Error: "\x1b[31m",
  Fatal: "\x1b[31m",
  Debug: "\x1b[2m"
}

/** For people: time, level, module, message, then the rest as name=value; a cause on lines of its own. */
export const prettyLine = (entry: Entry, colour: boolean): string => {
  const { module, ...rest } = entry.annotations
  const pairs = Object.entries({ ...rest, ...(entry.traceId === undefined ? {} : { traceId: entry.traceId }) })
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : Formatter.formatJson(value)}`)
  const level = entry.level.toUpperCase().padEnd(5)
  const shade = colour ? colours[entry.level] : undefined
  const words = [
    entry.timestamp.slice(11, 23),
    shade === undefined ? level : `${shade}${level}\x1b[0m`,
    typeof module === "string" ? `[${module}]` : "",
    entry.message,
    pairs.length === 0 ? "" : colour ? `\x1b[2m${pairs.join(" ")}\x1b[0m` : pairs.join(" ")
  ]
  const line = words.filter((word) => word !== "").join(" ")
  return scrubbed(entry.cause === undefined ? line : `${line}\n${entry.cause}`)
}
