import type { Mutant } from "../Mutant.ts"

const SERVICE = "packages/order-service/src"
const TEST = "packages/order-service/test"

/** What order-service promises. */
export const orderMutants: ReadonlyArray<Mutant> = [
  {
    name: "key-by-user",
    guarantee: "All events of an order have its id as key, and so keep their order.",
    edits: [{
      file: `${SERVICE}/adapters/OrderMessages.ts`,
      find: "key: event.orderId,",
      put: "key: event._tag === \"OrderCancelled\" ? event.userId : event.orderId,"
    }],
    witnesses: [{
      file: `${TEST}/PaymentsConsumer.test.ts`,
      test: "pays and cancels orders, and says so in their events"
    }]
  },
  {
    name: "history-not-stored-along",
    guarantee: "A transition and its line of history are stored together.",
    edits: [{
      file: `${SERVICE}/adapters/postgres/OrderWrites.ts`,
      find: "history AS (${historyInsert(sql, decisions)})",
      put: "history AS (${historyInsert(sql, decisions.slice(0, 0))})"
    }],
    witnesses: [{ file: `${TEST}/OrderRepository.int.test.ts`, test: "stores what was decided, step by step" }]
  },
  {
    name: "history-in-another-transaction",
    guarantee: "A line of history is rolled back with the transaction that it tells of.",
    edits: [
      {
        file: `${SERVICE}/adapters/postgres/OrderWrites.ts`,
        find: "history AS (${historyInsert(sql, decisions)})",
        put: "history AS (${historyInsert(sql, decisions.slice(0, 0))})"
      },
      {
        file: `${SERVICE}/adapters/postgres/OrderWrites.ts`,
        find: "const historyInsert =",
        put: "export const historyInsert ="
      },
      {
        file: `${SERVICE}/adapters/OrderRepositoryPostgres.ts`,
        find: "import { saveDecisions } from",
        put: "import { historyInsert, saveDecisions } from"
      },
      {
        file: `${SERVICE}/adapters/OrderRepositoryPostgres.ts`,
        find: "      yield* saveDecisions(sql, changes.map(({ decision }) => decision), messages.flat())\n",
        put: "      const decisions = changes.map(({ decision }) => decision)\n" +
          "      yield* saveDecisions(sql, decisions, messages.flat())\n" +
          "      yield* Effect.promise(() => Effect.runPromise(historyInsert(sql, decisions)))\n"
      }
    ],
    witnesses: [{
      file: `${TEST}/OrderRepository.int.test.ts`,
      test: "takes everything back with a transaction that fails around it"
    }]
  },
  {
    name: "order-not-locked",
    guarantee: "A decision is taken upon the order as its rival left it.",
    edits: [{
      file: `${SERVICE}/adapters/OrderRepositoryPostgres.ts`,
      find: "SELECT * FROM orders WHERE id = ${id} FOR UPDATE`",
      put: "SELECT * FROM orders WHERE id = ${id}`"
    }],
    witnesses: [{
      file: `${TEST}/OrderRepositoryPostgres.int.test.ts`,
      test: "an update decides on the order as the rival left it"
    }]
  },
  {
    name: "if-match-ignored",
    guarantee: "A change with an If-Match that does not hold is answered with 412 and changes nothing.",
    edits: [{
      file: `${SERVICE}/domain/OrderPolicy.ts`,
      find: "expected === undefined || expected.includes(version)",
      put: "expected === undefined || expected.includes(version) || version > 0"
    }],
    witnesses: [
      { file: `${TEST}/OrdersApi.test.ts`, test: "holds back when If-Match names another version" },
      {
        file: "packages/reference-model/test/Sequences.test.ts",
        test: "is explained by the model in 600 sequences of the seed \"store\""
      }
    ]
  },
  {
    name: "idempotent-create-twice",
    guarantee: "A create with a known idempotency key stores nothing.",
    edits: [{
      file: `${SERVICE}/adapters/postgres/OrderWrites.ts`,
      find: "${keys.length === 0 ? sql.literal(\"\") : sql`WHERE NOT (${known})`}",
      put: "${keys.length === 0 ? sql.literal(\"\") : sql`WHERE NOT (${known}) OR true`}"
    }],
    witnesses: [{
      file: `${TEST}/OrderRepository.int.test.ts`,
      test: "stores one order however often the key is used, and tells the repeats"
    }]
  },
  {
    name: "late-payment-revives",
    guarantee: "A payment that succeeds late leaves a cancelled order cancelled.",
    edits: [{
      file: `${SERVICE}/domain/Order.ts`,
      find: "order.status === \"PENDING\" ? step(order, actor, \"PAID\", now)",
      put: "order.status === \"PENDING\" || order.status === \"CANCELLED\" ? step(order, actor, \"PAID\", now)"
    }],
    witnesses: [
      { file: `${TEST}/Order.test.ts`, test: "pays a pending order and changes no other" },
      {
        file: "packages/testing/test/CancelRaces.test.ts",
        test: "never leaves a cancelled order charged, and charges nothing when it comes before the creation"
      }
    ]
  },
  {
    name: "late-failure-cancels",
    guarantee: "A payment that fails late leaves a paid order as it is.",
    edits: [{
      file: `${SERVICE}/domain/Order.ts`,
      find: "    order.status === \"PENDING\"\n      ? stop(",
      put: "    order.status === \"PENDING\" || order.status === \"PAID\"\n      ? stop("
    }],
    witnesses: [{ file: `${TEST}/Order.test.ts`, test: "that failed cancels a pending order and changes no other" }]
  }
]
