import { Effect, Redacted } from "effect"
import { Kafka, type LogEntry, logLevel, type SASLOptions } from "kafkajs"
import { BusUnavailable } from "../EventBus.ts"
import { keepBatchesContiguous } from "./batches.ts"
import { separateConnections } from "./connections.ts"
import type { KafkaOptions, Sasl } from "./KafkaOptions.ts"
import { keepMemberships } from "./memberships.ts"
import { watchedSockets } from "./sockets.ts"
import { quietTimers } from "./timers.ts"

/** Everything that this adapter logs. */
export const MODULE = { module: "messaging.kafka" }

/**
 * What kafkajs calls errors and warnings although it is everyday life around rebalances and broker restarts. Whatever
 * comes of it reaches us as a failed promise or a crash, and is logged there.
 */
const expected = [
  /^Connection (error|timeout)/,
  /^Failed to (connect to|send messages)/,
  // Answers that say no, and such as come after their request was given up.
  /^Response /,
  /SASL .*authentication failed/,
  /^Closed connection/,
  /^The (group is rebalancing|coordinator is not aware)/,
  /^(Crash: |Restarting the consumer)/,
  /^Request .* timed out/,
  /^There is no leader/,
  /^This server (does not host|is not the leader)/,
  /^Broker not connected/,
  /^KafkaJS(ConnectionError|RequestTimeoutError)/
]

const logged = ({ level, log, namespace }: LogEntry): Effect.Effect<void> => {
  const { message, timestamp: _, ...facts } = log
  const write = level === logLevel.INFO || expected.some((pattern) => pattern.test(message))
    ? Effect.logDebug
    : level === logLevel.WARN
    ? Effect.logWarning
    : Effect.logError
  return write(`${namespace}: ${message}`).pipe(Effect.annotateLogs(facts), Effect.annotateLogs(MODULE))
}

const credentials = ({ mechanism, password, username }: Sasl): SASLOptions => {
  const user = { username, password: Redacted.value(password) }
  switch (mechanism) {
    case "plain":
      return { mechanism, ...user }
    case "scram-sha-256":
      return { mechanism, ...user }
    case "scram-sha-512":
      return { mechanism, ...user }
  }
}

/**
 * A connection is silent for so many request timeouts before it is taken for broken: a member that joins its group may
 * have to wait 10 s for the others, with a request timeout of 3 s.
 */
const SILENT_REQUESTS = 4

/** How patient a client is. Its own retries are few: callers try again and know for how long that makes sense. */
export interface Patience {
  /** Milliseconds until a request counts as lost. */
  readonly requestTimeout: number
  readonly retries: number
}

/**
 * A client of its own for everyone who needs one: kafkajs shares the committed offsets of a group among all consumers of
 * one client, so two members in one process would read each other's. Connects when it is first used.
 */
export const kafkaClient = (options: KafkaOptions, patience: Patience): Effect.Effect<Kafka> =>
  Effect.map(Effect.context(), (context) => {
    quietTimers()
    separateConnections()
    keepMemberships()
    keepBatchesContiguous()
    const run = Effect.runForkWith(context)
    return new Kafka({
      clientId: "g-store",
      brokers: [...options.brokers],
      ssl: options.ssl ?? false,
      ...(options.sasl === undefined ? {} : { sasl: credentials(options.sasl) }),
      connectionTimeout: 2_000,
      authenticationTimeout: 5_000,
      requestTimeout: patience.requestTimeout,
      socketFactory: watchedSockets(patience.requestTimeout * SILENT_REQUESTS),
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: patience.retries },
      logLevel: logLevel.INFO,
      logCreator: () => (entry) => {
        run(logged(entry))
      }
    })
  })

/** One call of kafkajs. It goes on when we are interrupted, since nothing can call it back. */
export const attempt = <A>(operation: string, call: () => Promise<A>): Effect.Effect<A, BusUnavailable> =>
  Effect.tryPromise({ try: call, catch: (cause) => new BusUnavailable({ operation, cause }) })

/**
 * The protocol's name of an error (`UNKNOWN_TOPIC_OR_PARTITION`); empty for any other. kafkajs buries it under the number
 * of its retries.
 */
export const errorType = (error: BusUnavailable): string => {
  for (let cause = error.cause; typeof cause === "object" && cause !== null; cause = "cause" in cause && cause.cause) {
    if ("type" in cause && typeof cause.type === "string") return cause.type
  }
  return ""
}
