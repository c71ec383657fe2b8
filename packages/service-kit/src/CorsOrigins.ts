import { Config, Schema, SchemaTransformation } from "effect"
import { hostInUrl, isAnyAddress } from "./HostInUrl.ts"
import { host } from "./ServiceConfig.ts"
import { variable } from "./Variable.ts"

const Origins = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Array(Schema.String),
    SchemaTransformation.transform<ReadonlyArray<string>, string>({
      decode: (value) => value.split(",").map((origin) => origin.trim()).filter((origin) => origin !== ""),
      encode: (origins) => origins.join(",")
    })
  )
)

const webPort = variable("WEB_PORT", {
  expected: "a port number from 0 to 65535",
  schema: Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65535 })),
  fallback: 3000
})

/** Where the page is, on this machine and on the one address that HOST names. */
const ownOrigins = Config.map(Config.all([host, webPort]), ([address, port]) =>
  Array.from(
    new Set(["127.0.0.1", "localhost", ...(isAnyAddress(address) ? [] : [hostInUrl(address)])]),
    (name) => `http://${name}:${port}`
  ))

/** CORS_ORIGINS: whose pages may call, and open sockets. The frontend's own addresses if absent. */
export const corsOrigins: Config.Config<ReadonlyArray<string>> = Config.flatMap(
  ownOrigins,
  (fallback) =>
    variable<ReadonlyArray<string>>("CORS_ORIGINS", {
      expected: "a comma list of origins such as https://shop.example,https://staff.example",
      schema: Origins.check(
        Schema.makeFilter((origins) =>
          origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin)
        )
      ),
      fallback
    })
)
