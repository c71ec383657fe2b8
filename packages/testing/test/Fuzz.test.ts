import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Arbitrary, Effect, JsonSchema, Record, Schema, SchemaRepresentation } from "effect"
import { makeMemoryStore, type MemoryStore } from "../src/MemoryStore.ts"

/**
 * Every operation of every OpenAPI document is called with what its schemas allow, and with what they do not. No answer
 * may be a fault of ours, none may be undocumented, and each must look as the document says.
 */

interface Operation {
  readonly parameters?: ReadonlyArray<{ readonly name: string; readonly in: string; readonly schema: object }>
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: JsonSchema.JsonSchema } }
  }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema.JsonSchema>> }
}

const RUNS = 60
/** What the router and the edge answer for any path: documented once, in the problems of the contracts. */
const anywhere = new Set([404, 405])

/** A problem whose type is one of those that the document lists. */
const listed = { required: ["type"], properties: { type: { $ref: "#/components/schemas/ProblemType" } } }

const Sent = Schema.Struct({
  who: Schema.Literals(["customer", "stranger", "staff", "nobody", "forger"]),
  id: Schema.Union([
    Schema.Literals(["own", "unknown"]),
    Schema.String.check(Schema.isPattern(/^[a-zA-Z0-9%._~-]{1,40}$/))
  ]),
  key: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[!-~]{0,300}$/))),
  ifMatch: Schema.optionalKey(Schema.Literals(["\"1\"", "*", "W/\"2\"", "nonsense"])),
  body: Schema.Union([Schema.Json, Schema.String]),
  valid: Schema.Boolean,
  query: Schema.String.check(Schema.isPattern(/^[a-zA-Z0-9=&%+-]{0,30}$/))
})

interface Input extends Omit<typeof Sent.Type, "body"> {
  readonly body: unknown
}

const ids = async (store: MemoryStore) => {
  const customer = store.customer()
  const { id } = await customer.accounts.open()
  await customer.accounts.topUp(id, 1_000_000)
  const { orderId } = await customer.orders.create({ amount: 100 })
  await store.eventually(async () => (await customer.orders.get(orderId)).version === 2)
  await store.eventually(() => customer.orders.updates(orderId).then(({ events }) => events.length === 2, () => false))
  return { customer, accountId: id, orderId }
}

const operations = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  )

for (const name of ["orders", "payments", "notifications"] as const) {
  describe(`openapi.json of ${name}`, () => {
    it("holds whatever is sent", async () => {
      const store = makeMemoryStore()
      const base = `http://store.test/api/${name}`
      const document: Document = await (await store.fetch(new Request(`${base}/openapi.json`))).json()
      const definitions = Record.map(
        document.components.schemas,
        (schema) => JsonSchema.fromSchemaOpenApi3_1(schema).schema
      )
      const ajv = new Ajv2020({ strict: false, validateFormats: false })
      ajv.addSchema({ $id: "document", components: document.components })
      const validators = new Map<object, ReturnType<typeof ajv.compile>>()
      const matches = (schema: object, value: unknown) => {
        let validate = validators.get(schema)
        if (validate === undefined) {
          validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll("#/components", "document#/components")))
          validators.set(schema, validate)
        }
        return validate(value) ? undefined : JSON.stringify(validate.errors)
      }
      const { accountId, customer, orderId } = await ids(store)
      const tokens = {
        customer: customer.token,
        stranger: store.customer().token,
        staff: store.staff().token,
        forger: "not.a.token"
      }

      const seen = new Set<string>()
      for (const { method, operation, path } of operations(document)) {
        const bodySchema = operation.requestBody?.content["application/json"].schema
        // What the document allows as well as anything else; the two are told apart by `valid` only in what is sent as text.
        const inputs = bodySchema === undefined ? Arbitrary.schema(Sent) : Arbitrary.schema(Schema.Struct({
          ...Sent.fields,
          body: Schema.Union([
            SchemaRepresentation.fromJsonSchemaDocument(
              { ...JsonSchema.fromSchemaOpenApi3_1(bodySchema), definitions },
              { patterns: "apply" }
            ),
            Sent.fields.body
          ])
        }))
        const check = (sent: Input) =>
          Effect.promise(async () => {
            const own = path.includes("accounts") ? accountId : orderId
            const id = sent.id === "own"
              ? own
              : sent.id === "unknown"
              ? "01a203e9-c6c9-71c5-a084-ced9c327a772"
              : sent.id
            const url = base + path.replace(/\{\w+\}/g, id) + (sent.query === "" ? "" : `?${sent.query}`)
            const headers = new Headers({ "content-type": "application/json" })
            if (sent.who !== "nobody") headers.set("authorization", `Bearer ${tokens[sent.who]}`)
            if (sent.key !== undefined && method !== "get") headers.set("idempotency-key", sent.key)
            if (sent.ifMatch !== undefined) headers.set("if-match", sent.ifMatch)
            const body = method === "get"
              ? undefined
              : typeof sent.body === "string" && !sent.valid
              ? sent.body
              : JSON.stringify(sent.body)
            const response = await store.fetch(
              new Request(url, { method: method.toUpperCase(), headers, ...(body === undefined ? {} : { body }) })
            )
            const text = await response.text()
            seen.add(`${response.status}`.replace(/^2../, "2xx"))
            const where = `${method} ${url} as ${sent.who} with ${body}: ${response.status} ${text}`
            if (response.status >= 500) throw new Error(where)
            const documented = operation.responses[response.status]
            if (documented === undefined && !anywhere.has(response.status)) throw new Error(`undocumented: ${where}`)
            if (text === "") return true
            const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? ""
            const value: unknown = JSON.parse(text)
            const schema = documented?.content?.[type]?.schema
            if (response.status >= 400 && matches(listed, value) !== undefined) throw new Error(`unlisted: ${where}`)
            if (schema === undefined) {
              if (!anywhere.has(response.status)) throw new Error(`undocumented ${type}: ${where}`)
              return true
            }
            const wrong = matches(schema, value)
            if (wrong !== undefined) throw new Error(`${wrong}: ${where}`)
            return true
          })
        const result = await Effect.runPromise(Arbitrary.checkEffect(inputs, check, { runs: RUNS, seed: 7 }))
        if (result._tag !== "Passed") throw new Error(`${method} ${path}\n${Arbitrary.formatCheckFailure(result)}`)
      }
      // Else the test would hold for a store that refuses everything, or lets everybody in.
      assert.includeMembers([...seen], ["2xx", "400", "401", "403", "404"])
      await store.close()
    }, 120_000)
  })
}
