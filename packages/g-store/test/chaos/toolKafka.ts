import { keepBatchesContiguous } from "@g-store/messaging/kafka/batches.ts"
import { separateConnections } from "@g-store/messaging/kafka/connections.ts"
import { keepMemberships } from "@g-store/messaging/kafka/memberships.ts"
import { watchedSockets } from "@g-store/messaging/kafka/sockets.ts"
import { quietTimers } from "@g-store/messaging/kafka/timers.ts"
import { Kafka, type KafkaConfig, logLevel } from "kafkajs"

/** Milliseconds after which a connection on which nothing is answered is ended: another one is made. */
const SILENCE = 20_000

/** A client for what looks at topics and groups from outside the store, through the same network. Says nothing. */
export const toolKafka = (
  brokers: ReadonlyArray<string>,
  options: Pick<KafkaConfig, "connectionTimeout" | "requestTimeout" | "retry"> = {}
): Kafka => {
  quietTimers()
  separateConnections()
  keepMemberships()
  keepBatchesContiguous()
  return new Kafka({
    brokers: [...brokers],
    clientId: "g-store-chaos",
    logLevel: logLevel.NOTHING,
    socketFactory: watchedSockets(SILENCE),
    ...options
  })
}
