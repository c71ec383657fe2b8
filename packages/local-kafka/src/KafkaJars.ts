import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { kafkaMissing } from "./KafkaMissing.ts"

const VERSION = "4.1.1"
const LEAST_JAVA = 17

/** Where the jars of this version stay between runs: outside every checkout, shared by all of them. */
const cacheFolder = path.join(process.env["XDG_CACHE_HOME"] || path.join(os.homedir(), ".cache"), "g-store")
const folder = path.join(cacheFolder, `kafka-${VERSION}`)

/** Apache Kafka's own broker as Maven Central has it, and a logger that writes to standard error. */
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>g-store</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

const run = (file: string, args: ReadonlyArray<string>, cwd = "/") =>
  promisify(execFile)(file, args, { cwd, maxBuffer: 16_000_000 })

/** The files of Apache Kafka on this machine; fetched with Maven the first time. */
export interface KafkaJars {
  /** In a fixed order, since the archive below holds for that order alone. */
  readonly classpath: string
  /** Java's archive of loaded classes: a start with it takes a third of the time. Written at a first orderly end. */
  readonly archive: string
}

export const kafkaJars: Effect.Effect<KafkaJars, ReturnType<typeof kafkaMissing>> = Effect.gen(function*() {
  if (process.platform === "win32") return yield* kafkaMissing("the local broker needs a POSIX system")
  yield* checkJava
  const jars = yield* Effect.promise(listed).pipe(
    Effect.flatMap((found) => found.length > 0 ? Effect.succeed(found) : Effect.andThen(fetch, Effect.promise(listed)))
  )
  return {
    classpath: jars.map((name) => path.join(folder, name)).join(":"),
    archive: path.join(cacheFolder, `kafka-${VERSION}-${jars.length}.jsa`)
  }
})

const listed = () =>
  fs.readdir(folder).then((names) => names.filter((name) => name.endsWith(".jar")).toSorted(), () => [])

const checkJava = Effect.tryPromise({
  try: () => run("java", ["-version"]),
  catch: () =>
    kafkaMissing(`there is no java here (install a JRE, version ${LEAST_JAVA} or later, or set KAFKA_BROKERS)`)
}).pipe(
  Effect.flatMap(({ stderr }) => {
    const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
    return version >= LEAST_JAVA
      ? Effect.void
      : Effect.fail(
        kafkaMissing(`java is version ${version}, but Apache Kafka ${VERSION} needs ${LEAST_JAVA} or later`)
      )
  })
)

/** Into a folder of its own first, so that a download broken off, or another run doing the same, leaves no half set. */
const fetch = Effect.tryPromise({
  try: async () => {
    await fs.mkdir(cacheFolder, { recursive: true })
    const part = await fs.mkdtemp(`${folder}-`)
    try {
      await fs.writeFile(path.join(part, "pom.xml"), pom)
      await run("mvn", ["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=."], part)
      // Where another run was faster its folder stays: it holds the same.
      await fs.rename(part, folder).catch(() => undefined)
    } finally {
      await fs.rm(part, { recursive: true, force: true })
    }
  },
  catch: (cause) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      return kafkaMissing(`there is no mvn here to fetch Apache Kafka ${VERSION} (install Maven, or set KAFKA_BROKERS)`)
    }
    const output = cause instanceof Error && "stdout" in cause ? String(cause.stdout) : String(cause)
    const line = /^\[ERROR\].*$/m.exec(output)?.[0] ?? output.slice(0, 300)
    return kafkaMissing(`Maven could not fetch Apache Kafka ${VERSION}: ${line}`)
  }
})
