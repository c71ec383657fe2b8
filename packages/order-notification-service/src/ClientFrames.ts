import { OrderId } from "@g-store/contracts/Ids.ts"
import {
  Authenticate,
  ClientFrame,
  SubscribeOrder,
  SubscribeScope,
  UnsubscribeOrder,
  UnsubscribeScope
} from "@g-store/contracts/Socket.ts"
import { Option, Result, Schema, SchemaIssue } from "effect"

/** Why a client's frame cannot be taken, for the one who wrote the client, and what it was about where that can be read. */
export interface FrameFault {
  readonly message: string
  readonly about: { readonly orderId?: OrderId; readonly scope?: "mine" | "all" }
}

const decodeFrame = Schema.decodeUnknownResult(Schema.fromJsonString(ClientFrame))
const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
const decodeOrderId = Schema.decodeUnknownOption(OrderId)
const format = SchemaIssue.makeFormatterStandardSchemaV1()

type Members = Readonly<Record<string, unknown>>
type FrameSchema = Schema.Codec<unknown, unknown>

/** What a frame of each type must be like; undefined where its members do not say what it is about. */
const kinds: Readonly<Record<string, (members: Members) => FrameSchema | undefined>> = {
  authenticate: () => Authenticate,
  subscribe: (members) => "orderId" in members ? SubscribeOrder : "scope" in members ? SubscribeScope : undefined,
  unsubscribe: (members) => "orderId" in members ? UnsubscribeOrder : "scope" in members ? UnsubscribeScope : undefined,
  ping: () => undefined
}

const words: Readonly<Record<string, string>> = {
  "Missing key": "is required",
  "Expected string": "must be a string",
  "Expected number": "must be a number",
  "Expected object": "must be an object"
}
const inWords = (message: string): string =>
  words[message] ?? message.replace(/^Expected /, "must be ").replace(" | ", " or ")

const shown = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 60)

const faultIn = (members: Members): string => {
  const { type } = members
  const kind = typeof type === "string" && Object.hasOwn(kinds, type) ? kinds[type] : undefined
  if (kind === undefined) return `type must be one of ${Object.keys(kinds).join(", ")}; it is ${shown(type)}.`
  const schema = kind(members)
  if (schema === undefined) return `${shown(type)} needs an orderId or a scope.`
  const failure = Result.getFailure(Schema.decodeUnknownResult(schema)(members))
  const issues = Option.match(failure, { onNone: () => [], onSome: ({ issue }) => format(issue).issues })
  const faults = issues.map(({ message, path = [] }) => {
    const name = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".").slice(0, 60)
    return `${name} ${inWords(message)}`
  })
  return `${faults.join("; ")}.`
}

const faultOf = (text: string): FrameFault => {
  const members = Option.getOrUndefined(decodeJson(text))
  if (members === undefined) {
    return { message: "This is not a JSON object. Send one a frame, as asyncapi.json describes them.", about: {} }
  }
  const orderId = Option.getOrUndefined(decodeOrderId(members["orderId"]))
  const { scope } = members
  return {
    message: faultIn(members),
    about: orderId !== undefined ? { orderId } : scope === "mine" || scope === "all" ? { scope } : {}
  }
}

/** What a client said, or which of its fields is wrong and how. */
export const readClientFrame = (text: string): Result.Result<ClientFrame, FrameFault> =>
  Result.mapError(decodeFrame(text), () => faultOf(text))
