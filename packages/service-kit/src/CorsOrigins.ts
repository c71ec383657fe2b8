import { Config, Schema, SchemaTransformation } from "effect"
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

/** CORS_ORIGINS: whose pages may call, and open sockets. The frontend's own addresses if absent. */
export const corsOrigins: Config.Config<ReadonlyArray<string>> = Config.flatMap(
  webPort,
  (port) =>
    variable<ReadonlyArray<string>>("CORS_ORIGINS", {
      expected: "a comma list of origins such as https://shop.example,https://staff.example",
      schema: Origins.check(
        Schema.makeFilter((origins) =>
          origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin)
        )
      ),
      fallback: [`http://127.0.0.1:${port}`, `http://localhost:${port}`]
    })
)
