import type { Mutant } from "../Mutant.ts"

const INBOX = "packages/messaging/src/inbox"
const POSTGRES = "packages/messaging/src/postgres"
const TEST = "packages/messaging/test"

/** On the way in: from the bus to an effect. */
export const consumerMutants: ReadonlyArray<Mutant> = [
  {
    name: "offset-before-commit",
    guarantee: "Offsets are acknowledged after the effects are durable, so that a crash loses no message.",
    edits: [{
      file: `${INBOX}/Partition.ts`,
      find: "      const entries = yield* read(batch)\n",
      put: "      yield* Effect.ignore(batch.acknowledge)\n      const entries = yield* read(batch)\n"
    }],
    witnesses: [{
      file: `${TEST}/ConsumerAcknowledgement.test.ts`,
      test: "comes once, when all effects of the batch are durable"
    }]
  },
  {
    name: "shared-transaction-lost",
    guarantee:
      "Batches of several partitions share a transaction, and no fate: when it fails, each is handled by itself.",
    edits: [{
      file: `${INBOX}/Lanes.ts`,
      find: "Deferred.succeed(committed, Exit.isSuccess(exit))",
      put: "Deferred.succeed(committed, Exit.isSuccess(exit) || group.length > 1)"
    }],
    witnesses: [
      { file: `${TEST}/Lanes.test.ts`, test: "share no fate" },
      { file: `${TEST}/Lanes.int.test.ts`, test: "are handled without the one whose partition was taken away" }
    ]
  },
  {
    name: "half-an-answer-kept",
    guarantee: "A connection to Kafka reads its own answers alone, so that a member hears again after one that broke.",
    edits: [{
      file: "packages/messaging/src/kafka/connections.ts",
      find: "    this.chunks = []\n",
      put: "    this.chunks = [...this.chunks]\n"
    }],
    witnesses: [{ file: `${TEST}/KafkaConnections.test.ts`, test: "broke in the middle of an answer" }]
  },
  {
    name: "mark-without-effect",
    guarantee: "The mark of a message and its effect commit together.",
    edits: [{
      file: `${INBOX}/Settlement.ts`,
      find: "      transactions.run(Effect.gen(function*() {",
      put: "      Effect.andThen(Effect.sync(() => transactions), Effect.gen(function*() {"
    }],
    witnesses: [{
      file: `${TEST}/Consumer.int.test.ts`,
      test: "never sets aside what failed for other reasons, however often"
    }]
  },
  {
    name: "no-dedup",
    guarantee: "A message that comes again has no second effect.",
    edits: [{
      file: `${INBOX}/Settlement.ts`,
      find: "const fresh = entries.filter((entry) => taken.fresh.has(entry.messageId))",
      put: "const fresh = entries.filter((entry) => taken.fresh.has(entry.messageId) || entry.messageId !== \"\")"
    }],
    witnesses: [{ file: `${TEST}/Consumer.test.ts`, test: "absorbs messages that come again, also twice in a batch" }]
  },
  {
    name: "dedup-without-consumer",
    guarantee: "What one consumer has taken is still new to another.",
    edits: [{
      file: `${POSTGRES}/InboxPostgres.ts`,
      find: "SELECT ${consumer}, id FROM unnest(${ids}::text[]) AS id ORDER BY",
      put: "SELECT ${consumer.slice(0, 0)}, id FROM unnest(${ids}::text[]) AS id ORDER BY"
    }],
    witnesses: [
      { file: `${TEST}/InboxStore.int.test.ts`, test: "takes each message once per consumer" },
      { file: `${TEST}/Consumer.int.test.ts`, test: "knows messages per consumer" }
    ]
  },
  {
    name: "skip-on-error",
    guarantee: "What fails for no fault of the message is tried again for ever, and never passed over.",
    edits: [{
      file: `${INBOX}/Settlement.ts`,
      find:
        "            yield* metrics.retry(\"transient\")\n            yield* setback(failure.reason, exit.cause)\n            continue\n",
      put:
        "            yield* metrics.retry(\"transient\")\n            return yield* setback(failure.reason, exit.cause)\n"
    }],
    witnesses: [{
      file: `${TEST}/Consumer.test.ts`,
      test: "never sets aside what failed for other reasons, however often"
    }]
  },
  {
    name: "poison-skipped",
    guarantee: "A message that cannot be handled becomes a dead letter, and is not dropped.",
    edits: [{
      file: `${INBOX}/Settlement.ts`,
      find: "if (planned.setAside.length > 0) {",
      put: "if (planned.setAside.length > 1_000) {"
    }],
    witnesses: [{
      file: `${TEST}/Consumer.test.ts`,
      test: "sets poison aside at once when it is named, and nothing else"
    }]
  },
  {
    name: "parked-key-not-parked",
    guarantee: "Later messages of a key wait behind its dead letter.",
    edits: [{
      file: `${INBOX}/Entry.ts`,
      find: "if (entry.key !== null && closed.has(entry.key)) park.push(entry)",
      put: "if (entry.key !== null && closed.has(entry.key) && closed.size === 0) park.push(entry)"
    }],
    witnesses: [{
      file: `${TEST}/Consumer.test.ts`,
      test: "lets later messages of the key wait, in later batches too, and others pass"
    }]
  },
  {
    name: "gates-looked-at-too-early",
    guarantee: "Who waited for another handler of the same messages sees the gates that this one closed.",
    edits: [{
      file: `${POSTGRES}/InboxPostgres.ts`,
      find: "open: rows.length === ids.length && rows.every(",
      put: "open: rows.every("
    }],
    witnesses: [{
      file: `${TEST}/InboxStore.int.test.ts`,
      test: "knows keys to be open only where none is parked, and all messages are fresh"
    }]
  },
  {
    name: "gate-not-locked",
    guarantee: "A key's gate is locked while its messages line up behind it, so that a replay misses none.",
    edits: [{
      file: `${POSTGRES}/InboxPostgres.ts`,
      find: "ORDER BY key COLLATE \"C\" FOR UPDATE`",
      put: "ORDER BY key COLLATE \"C\"`"
    }],
    witnesses: [{
      file: `${TEST}/InboxGate.int.test.ts`,
      test: "is locked: who would open it meanwhile has to wait"
    }]
  },
  {
    name: "replay-out-of-order",
    guarantee: "What waits behind a dead letter is replayed in the order of arrival.",
    edits: [{
      file: `${POSTGRES}/ReplayStorePostgres.ts`,
      find: "ORDER BY sequence LIMIT ${limit}",
      put: "ORDER BY sequence DESC LIMIT ${limit}"
    }],
    witnesses: [{
      file: `${TEST}/DeadLetters.int.test.ts`,
      test: "replays the letter, then what waits behind it, in order, and opens the gate"
    }]
  },
  {
    name: "replay-forgets-the-letter",
    guarantee: "A replay handles the dead letter itself before what waits behind it.",
    edits: [{
      file: `${INBOX}/Replay.ts`,
      find: "            yield* handleAll(consumer, entries)\n",
      put: ""
    }],
    witnesses: [{
      file: `${TEST}/DeadLetters.test.ts`,
      test: "replays the letter, then what waits behind it, in order, and opens the gate"
    }]
  },
  {
    name: "stale-acknowledgement",
    guarantee: "After a rebalance an old handler's offset is not stored for the partition's new owner.",
    edits: [{
      file: "packages/messaging/src/kafka/Assignment.ts",
      find: "      if (own.generation !== generation) return Effect.fail(stale(own))\n",
      put: ""
    }],
    witnesses: [{
      file: `${TEST}/KafkaAssignment.test.ts`,
      test: "refuses to acknowledge in another assignment than the batch's own, without asking the broker"
    }]
  },
  {
    name: "idempotency-outside-transaction",
    guarantee: "An idempotency key and the effect that it stands for commit together.",
    edits: [
      {
        file: `${POSTGRES}/IdempotencyPostgres.ts`,
        find: "      transaction(sql)(Effect.gen(function*() {",
        put: "      orUnavailable(Effect.gen(function*() {"
      },
      {
        file: `${POSTGRES}/IdempotencyPostgres.ts`,
        find: "import { orUnavailable, transaction } from",
        put: "import { orUnavailable } from"
      }
    ],
    witnesses: [{
      file: `${TEST}/Idempotency.int.test.ts`,
      test: "frees the key when the effect fails",
      says: "Expected string"
    }],
    note: "The key is met again without an answer: reading that is what fails."
  },
  {
    name: "idempotency-hash-ignored",
    guarantee: "A key that was used for another body is refused.",
    edits: [{
      file: "packages/messaging/src/memory/IdempotencyMemory.ts",
      find: "if (known.hash !== use.hash) return",
      put: "if (known.hash !== use.hash && use.hash === \"\") return"
    }],
    witnesses: [{
      file: "packages/service-kit/test/Idempotent.test.ts",
      test: "is of one body: the same one in other words is a repeat, another one is 422"
    }]
  }
]
