import { isRecord } from "@g-store/contracts/JsonDocument.ts"
import { type JsonSchema, Schema } from "effect"
import { HttpApi, type HttpApiGroup, OpenApi } from "effect/http-api"

interface Parameter {
  readonly name: string
  readonly in: string
  schema: unknown
}

const isParameter = (value: unknown): value is Parameter => isRecord(value) && typeof value["name"] === "string"

/** The JSON Schemas of a struct's members as the service sees them: integers where the wire has digits. */
const membersOf = (schema: Schema.Top | undefined): Readonly<Record<string, JsonSchema.JsonSchema>> => {
  if (schema === undefined) return {}
  const document = Schema.toJsonSchemaDocument(Schema.toType(schema))
  const properties = document.schema["properties"]
  return isRecord(properties) ? Object.fromEntries(Object.entries(properties).filter(isNumeric)) : {}
}
const isNumeric = (entry: [string, unknown]): entry is [string, JsonSchema.JsonSchema] => {
  const [, schema] = entry
  return isRecord(schema) &&
    (schema["type"] === "integer" || schema["type"] === "number" || schema["type"] === "boolean")
}

/** Query and path parameters that are numbers read as numbers, where the generated document has strings with a pattern. */
const withReadableParameters = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  document: OpenApi.OpenAPISpec
): OpenApi.OpenAPISpec => {
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const members = { query: membersOf(endpoint.query), path: membersOf(endpoint.params) }
      const item: unknown = document.paths[endpoint.path.replaceAll(/:(\w+)/g, "{$1}")]
      const operation = isRecord(item) ? item[endpoint.method.toLowerCase()] : undefined
      const parameters = isRecord(operation) && Array.isArray(operation["parameters"])
        ? operation["parameters"].filter(isParameter)
        : []
      for (const parameter of parameters) {
        const readable = parameter.in === "query" || parameter.in === "path"
          ? members[parameter.in][parameter.name]
          : undefined
        if (readable !== undefined) parameter.schema = readable
      }
    }
  })
  return document
}

const SCHEMAS = "#/components/schemas/"
const SUFFIX = /Encoded$/

/** `OrderNotFound` where the generated name is `OrderNotFoundEncoded`, which says nothing to a reader. */
const withPlainNames = (document: OpenApi.OpenAPISpec): OpenApi.OpenAPISpec => {
  const { schemas } = document.components
  const plain = (name: string): string => {
    const base = name.replace(SUFFIX, "")
    return Object.hasOwn(schemas, base) ? name : base
  }
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk)
    if (!isRecord(node)) return
    const ref = node["$ref"]
    if (typeof ref === "string" && ref.startsWith(SCHEMAS)) node["$ref"] = SCHEMAS + plain(ref.slice(SCHEMAS.length))
    Object.values(node).forEach(walk)
  }
  walk(document)
  const named = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [plain(name), schema]))
  return { ...document, components: { ...document.components, schemas: named } }
}

/** The OpenAPI 3.1 document of an API, with the one `server` that its paths hang on. */
export const openApiDocument = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  server: OpenApi.OpenAPISpecServer
): OpenApi.OpenAPISpec => withPlainNames(withReadableParameters(api, { ...OpenApi.fromApi(api), servers: [server] }))
