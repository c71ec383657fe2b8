import type { Mutant } from "../Mutant.ts"

const SERVICE = "packages/payment-service/src"
const TEST = "packages/payment-service/test"

const cancelRaces = {
  file: "packages/testing/test/CancelRaces.test.ts",
  test: "never leaves a cancelled order charged, and charges nothing when it comes before the creation"
}

/** What payment-service promises. */
export const paymentMutants: ReadonlyArray<Mutant> = [
  {
    name: "unlocked-balance",
    guarantee: "A charge is decided upon the balance as others left it.",
    without: [{ file: `${SERVICE}/adapters/migrations.ts`, find: "      UNIQUE (account_id, number),\n", put: "" }],
    note:
      "The ledger refuses a second entry of a number, so a stale balance would fail and be tried again; here it does not.",
    edits: [{
      file: `${SERVICE}/adapters/PaymentRepositoryPostgres.ts`,
      find: "ORDER BY id FOR UPDATE`",
      put: "ORDER BY id`"
    }],
    witnesses: [{
      file: `${TEST}/PaymentStorePostgres.int.test.ts`,
      test: "does not spend what another batch has spent"
    }]
  },
  {
    name: "unlocked-top-up",
    guarantee: "No top-up of many at once is lost.",
    edits: [{
      file: `${SERVICE}/adapters/AccountRepositoryPostgres.ts`,
      find: "UPDATE accounts SET balance = balance + ${amount}, entries = entries + 1,",
      put:
        "UPDATE accounts SET balance = (SELECT balance FROM accounts WHERE id = ${asked.accountId}) + ${amount}, entries = entries + 1,"
    }],
    witnesses: [{ file: `${TEST}/PaymentStorePostgres.int.test.ts`, test: "lose no top-up of many at once" }]
  },
  {
    name: "no-unique-payment",
    guarantee: "Of two decisions about one order the first one stands, and only its money moves.",
    without: [{ file: `${SERVICE}/adapters/migrations.ts`, find: "      UNIQUE (order_id, type),\n", put: "" }],
    note: "The ledger refuses a second charge of an order as well; here it does not.",
    edits: [{
      file: `${SERVICE}/adapters/SettlementWrites.ts`,
      find: "ON CONFLICT (order_id) DO NOTHING RETURNING order_id",
      put: "ON CONFLICT (order_id) DO UPDATE SET state = excluded.state RETURNING order_id"
    }],
    witnesses: [{
      file: `${TEST}/PaymentStorePostgres.int.test.ts`,
      test: "charges nothing when another has charged the same order, with an account or without"
    }]
  },
  {
    name: "cancel-without-tombstone",
    guarantee: "A cancel that arrives before the creation keeps the order from being charged.",
    edits: [{
      file: `${SERVICE}/domain/Payment.ts`,
      find:
        "    return { payment: { orderId, userId, state: \"VOIDED\", amount: null, createdAt: now, updatedAt: now } }",
      put:
        "    return userId.length > 0 ? nothing : { payment: { orderId, userId, state: \"VOIDED\", amount: null, createdAt: now, updatedAt: now } }"
    }],
    witnesses: [
      cancelRaces,
      {
        file: "packages/reference-model/test/Sequences.test.ts",
        test: "is explained by the model in 600 sequences of the seed \"store\""
      }
    ]
  },
  {
    name: "refund-before-charge-swallowed",
    guarantee: "A cancel in the same batch as its creation gives the money back.",
    edits: [{
      file: `${SERVICE}/domain/Settlement.ts`,
      find: "const payment = payments.get(event.orderId) ?? book.payments.get(event.orderId)",
      put: "const payment = book.payments.get(event.orderId)"
    }],
    witnesses: [{
      file: `${TEST}/Money.test.ts`,
      test: "an order that was ever cancelled does not stay charged",
      says: "Property falsified"
    }, {
      file: `${TEST}/OrdersConsumer.test.ts`,
      test: "passes by what concerns no money, even when it cannot be read, and so keeps refunds going"
    }]
  },
  {
    name: "refund-twice",
    guarantee: "An order is refunded once, however often its cancel comes.",
    edits: [{
      file: `${SERVICE}/domain/Payment.ts`,
      find: "if (payment.state !== \"CHARGED\") return nothing",
      put: "if (payment.state === \"DECLINED\" || payment.state === \"VOIDED\") return nothing"
    }],
    witnesses: [{
      file: `${TEST}/Settlement.test.ts`,
      test: "changes nothing when there was no charge, or the refund is made"
    }]
  },
  {
    name: "payment-decided-again",
    guarantee: "A creation that comes again under another message id charges nothing, even when no inbox knows it.",
    without: [{
      file: "packages/messaging/src/inbox/Settlement.ts",
      find: "const fresh = entries.filter((entry) => taken.fresh.has(entry.messageId))",
      put: "const fresh = entries.filter((entry) => taken.fresh.has(entry.messageId) || entry.messageId !== \"\")"
    }],
    edits: [{
      file: `${SERVICE}/domain/Payment.ts`,
      find: "if (payment === undefined) return Result.succeed(pay(command, account, now))",
      put:
        "if (payment === undefined || payment.state === \"CHARGED\") return Result.succeed(pay(command, account, now))"
    }],
    witnesses: [{
      file: `${TEST}/OrdersConsumer.test.ts`,
      test: "takes what comes again, as the same message or another, without any effect"
    }],
    note: "Inbox and payment hide each other; here the inbox lets everything through."
  },
  {
    name: "insufficient-funds-charged",
    guarantee: "A balance is never negative.",
    edits: [{
      file: `${SERVICE}/domain/Account.ts`,
      find: "return balance < 0n\n    ? Result.fail(\"INSUFFICIENT_FUNDS\")",
      put: "return balance < -1_000_000n\n    ? Result.fail(\"INSUFFICIENT_FUNDS\")"
    }],
    witnesses: [{
      file: `${TEST}/Money.test.ts`,
      test: "every balance is the sum of its ledger, entry by entry, and never below zero",
      says: "Property falsified"
    }]
  }
]
