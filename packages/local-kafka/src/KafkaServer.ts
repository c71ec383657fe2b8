import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { randomInt } from "node:crypto"
import * as fs from "node:fs/promises"
import * as net from "node:net"
import * as path from "node:path"
import { kafkaJars } from "./KafkaJars.ts"
import { kafkaMissing } from "./KafkaMissing.ts"

/** Where a broker is reached, and where its controller. */
export interface Ports {
  readonly broker: number
  readonly controller: number
  /** Where clients are told to reach the broker. */
  readonly advertised: number
}

export interface RunningKafka {
  readonly process: ChildProcess
  /** Done when the process is gone. */
  readonly exited: Promise<void>
}

/**
 * Two free ports. Not from the range that the system takes outgoing connections from: a client that keeps asking for a
 * broker that is down would come to connect to itself, and so hold the port when the broker comes back.
 */
export const freePorts: Effect.Effect<Ports> = Effect.promise(async () => {
  const broker = await freePort()
  return { broker, controller: await freePort(broker), advertised: broker }
})

const freePort = async (other?: number): Promise<number> => {
  const port = randomInt(15_000, 30_000)
  const free = port !== other && await new Promise<boolean>((resolve) => {
    const server = net.createServer().once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })
  return free ? port : freePort(other)
}

/**
 * One node that is broker and controller. Rebalances begin at once, and nothing is replicated: there is nobody else. A
 * broker that was killed may come back once the session of its former life is over, so that is short.
 */
const properties = (folder: string, ports: Ports): string => `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports.controller}
listeners=PLAINTEXT://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${ports.advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${path.join(folder, "log")}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2500
broker.heartbeat.interval.ms=500
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=2097152
`

/** What `kafka-storage format` writes, without the second that starting Java for it takes. */
const metaProperties = `version=1
cluster.id=Zy1zdG9yZSBsb2NhbCBrMQ
node.id=1
directory.id=Zy1zdG9yZSBsb2NhbCBkMQ
`

/** Prepares an empty folder for a broker. */
export const format = (folder: string, ports: Ports): Effect.Effect<void> =>
  Effect.promise(async () => {
    await fs.mkdir(path.join(folder, "log"), { recursive: true })
    await fs.writeFile(path.join(folder, "log", "meta.properties"), metaProperties)
    await fs.writeFile(path.join(folder, "server.properties"), properties(folder, ports))
  })

/** Starts a broker on its folder and waits until it answers. It lives on until it is told to end, or this process is gone. */
export const launch = Effect.fnUntraced(function*(folder: string) {
  const jars = yield* kafkaJars
  const archived = yield* Effect.promise(() => fs.access(jars.archive).then(() => true, () => false))
  const dump = `${jars.archive}-${path.basename(folder)}`
  const java = yield* Effect.sync(() =>
    spawn("java", [
      "-Xms64m",
      "-Xmx256m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Xshare:auto",
      "-Xlog:disable",
      archived ? `-XX:SharedArchiveFile=${jars.archive}` : `-XX:ArchiveClassesAtExit=${dump}`,
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
      "-cp",
      jars.classpath,
      "kafka.Kafka",
      path.join(folder, "server.properties")
    ], { cwd: folder, detached: true, stdio: ["ignore", "ignore", "pipe"] })
  )
  let log = ""
  // An open port is not enough: a broker that is told to stop before it has started takes a minute over it.
  const started = new Promise<void>((resolve) => {
    java.stderr.on("data", (bytes) => {
      log = (log + bytes).slice(-4_000)
      if (log.includes("Kafka Server started")) resolve()
    })
  })
  const reaper = yield* Effect.sync(() => startReaper(java, folder))
  const exited = new Promise<void>((resolve) => {
    java.once("exit", async () => {
      // Nobody may kill this number any more: it can be another program's soon.
      reaper.kill("SIGKILL")
      if (!archived) await fs.rename(dump, jars.archive).catch(() => undefined)
      resolve()
    })
  })
  const died = Effect.promise(() => exited).pipe(
    Effect.andThen(
      Effect.suspend(() => Effect.fail(kafkaMissing(`the local broker ended while it started: ${log.trim()}`)))
    )
  )
  yield* Effect.raceFirst(Effect.promise(() => started), died).pipe(
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () => Effect.fail(kafkaMissing(`the local broker did not start within 60 s: ${log.trim()}`))
    }),
    Effect.onError(() => Effect.sync(() => java.kill("SIGKILL")))
  )
  const running: RunningKafka = { process: java, exited }
  return running
})

/**
 * Kills the broker and removes its folder as soon as this process is gone, however that ends: its standard input then
 * ends. Orderly ends come first and stop it.
 */
const startReaper = (java: ChildProcess, folder: string) => {
  const script = "read line; kill -9 \"$1\"; rm -rf \"$2\""
  const reaper = spawn("sh", ["-c", script, "reaper", String(java.pid), folder], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"]
  })
  reaper.unref()
  if ("unref" in reaper.stdin && typeof reaper.stdin.unref === "function") reaper.stdin.unref()
  return reaper
}
