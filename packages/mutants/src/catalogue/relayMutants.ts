import type { Mutant } from "../Mutant.ts"

const RELAY = "packages/messaging/src/relay"
const POSTGRES = "packages/messaging/src/postgres"
const MEMORY = "packages/messaging/src/memory"
const TEST = "packages/messaging/test"

/** On the way out: from a commit to the bus. */
export const relayMutants: ReadonlyArray<Mutant> = [
  {
    name: "acks-zero",
    guarantee: "A publish is done when all in-sync replicas hold the messages.",
    edits: [{ file: "packages/messaging/src/kafka/Publisher.ts", find: "acks: -1,", put: "acks: 0," }],
    witnesses: [{
      file: `${TEST}/KafkaAcknowledgements.int.test.ts`,
      test: "is not done before the broker has said so"
    }],
    note: "Needs a real Kafka."
  },
  {
    name: "publish-before-commit",
    guarantee: "Nothing is published of a transaction that does not commit.",
    edits: [{
      file: `${MEMORY}/OutboxMemory.ts`,
      find: "const wake = database.afterCommit(wakeups.wake)",
      put: "const wake = wakeups.wake"
    }],
    witnesses: [{ file: `${TEST}/OutboxMemory.test.ts`, test: "wakes the relay after the commit and not before" }]
  },
  {
    name: "no-transaction",
    guarantee: "Outbox rows commit or vanish with the state that they tell of.",
    edits: [{
      file: `${POSTGRES}/Postgres.ts`,
      find: "Option.isSome(open) ? effect : sql.withTransaction(effect)",
      put: "Option.isSome(open) ? effect : effect"
    }],
    witnesses: [{ file: `${TEST}/Outbox.int.test.ts`, test: "keeps nothing of a transaction that is rolled back" }]
  },
  {
    name: "sent-before-acknowledged",
    guarantee: "A row leaves the outbox only after the bus has acknowledged it.",
    edits: [{
      file: `${RELAY}/Dispatcher.ts`,
      find: "      shard.busy = true\n",
      put: "      shard.busy = true\n" +
        "      acknowledged.push({ shard: shard.shard, epoch, positions: head.map(({ position }) => position) })\n"
    }],
    witnesses: [{
      file: `${TEST}/OutboxRelay.test.ts`,
      test: "retries for ever, and keeps each key's order, whatever the bus does"
    }]
  },
  {
    name: "failed-publish-skipped",
    guarantee: "A failed publish blocks its shard and is tried again for ever; nothing is skipped.",
    edits: [{
      file: `${RELAY}/ShardPublisher.ts`,
      find: "if (Exit.isSuccess(exit)) {",
      put: "if (Exit.isSuccess(exit) || exit.cause.reasons.length > 0) {"
    }],
    witnesses: [{
      file: `${TEST}/OutboxRelay.test.ts`,
      test: "retries for ever, and keeps each key's order, whatever the bus does"
    }]
  },
  {
    name: "retry-overtakes",
    guarantee: "A message that is tried again is not overtaken by a newer one of its shard.",
    edits: [{
      file: `${RELAY}/ShardPublisher.ts`,
      find: "bus.publish(rows.map(({ message }) => toWire(message))).pipe(",
      put: "Effect.forEach(rows, ({ message }) => bus.publish([toWire(message)]), { concurrency: 8 }).pipe("
    }],
    witnesses: [{
      file: `${TEST}/OutboxRelay.test.ts`,
      test: "retries for ever, and keeps each key's order, whatever the bus does"
    }]
  },
  {
    name: "lease-without-expiry",
    guarantee: "The shards of a relay that died are another's once its leases have run out.",
    edits: [{
      file: `${POSTGRES}/OutboxPostgres.ts`,
      find: "sql`expires_at < now()`",
      put: "sql`expires_at = '-infinity'`"
    }],
    witnesses: [{
      file: `${TEST}/Outbox.int.test.ts`,
      test: "lets another take over what is not renewed, and fences the one before"
    }]
  },
  {
    name: "publish-past-the-lease",
    guarantee: "A relay gives a publish up while its lease still lasts, so that no two relays publish from a shard.",
    edits: [{
      file: `${RELAY}/ShardPublisher.ts`,
      find: "const millis = (yield* leases.remaining(shard)) - MARGIN_MILLIS",
      put: "const millis = (yield* leases.remaining(shard)) + 60_000"
    }],
    witnesses: [{
      file: `${TEST}/OutboxRelayMargin.test.ts`,
      test: "has given its publish up by the time that the lease ends"
    }]
  },
  {
    name: "skip-locked-ignored",
    guarantee: "A shard that another relay is just claiming is passed over, never taken as well.",
    edits: [{
      file: `${POSTGRES}/OutboxPostgres.ts`,
      find: "WHERE (l.owner = ${owner} AND l.expires_at >= now()) OR l.shard IN (SELECT shard FROM free)",
      put: "WHERE true"
    }],
    witnesses: [
      { file: `${TEST}/Outbox.int.test.ts`, test: "never gives a shard to two of many who ask at once" }
    ]
  },
  {
    name: "removal-without-epoch",
    guarantee: "A relay that lost its lease removes nothing of the shard any more.",
    edits: [{ file: `${POSTGRES}/OutboxPostgres.ts`, find: " AND l.epoch = r.epoch", put: "" }],
    witnesses: [{
      file: `${TEST}/Outbox.int.test.ts`,
      test: "lets another take over what is not renewed, and fences the one before"
    }]
  },
  {
    name: "shards-not-by-key",
    guarantee: "All messages of a key are in one shard of the outbox, and so leave in order.",
    edits: [{
      file: "packages/messaging/src/Outbox.ts",
      find: "return (hash >>> 0) % SHARDS",
      put: "return ((hash >>> 0) + (key.length > 0 ? wobble++ : 0)) % SHARDS"
    }, {
      file: "packages/messaging/src/Outbox.ts",
      find: "export const SHARDS = 16",
      put: "export const SHARDS = 16\nlet wobble = 0"
    }],
    witnesses: [{
      file: `${TEST}/OutboxRelay.int.test.ts`,
      test: "keeps each key's order with many writers, several relays and a bus that fails"
    }]
  }
]
