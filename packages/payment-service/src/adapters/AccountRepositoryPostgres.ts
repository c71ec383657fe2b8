import { PgClient } from "@effect/sql-pg/PgClient"
import { MAX_BALANCE } from "@g-store/contracts/Amount.ts"
import { AccountId, UserId } from "@g-store/contracts/Ids.ts"
import { AccountExists, AccountNotFound } from "@g-store/contracts/PaymentErrors.ts"
import { orUnavailable } from "@g-store/messaging/postgres/Postgres.ts"
import { DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlSchema } from "effect/sql"
import { AccountRepository } from "../application/AccountRepository.ts"
import * as Account from "../domain/Account.ts"
import { AccountRow, LedgerRow, readable } from "./Rows.ts"

export const AccountRepositoryPostgres = Layer.effect(
  AccountRepository,
  Effect.gen(function*() {
    const sql = yield* PgClient

    const columns = sql.literal(
      `id, user_id AS "userId", balance, entries, created_at AS "createdAt", updated_at AS "updatedAt"`
    )
    const selectById = SqlSchema.findOneOption({
      Request: AccountId,
      Result: AccountRow,
      execute: (id) => sql`SELECT ${columns} FROM accounts WHERE id = ${id}`
    })
    const selectOfUser = SqlSchema.findOneOption({
      Request: UserId,
      Result: AccountRow,
      execute: (userId) => sql`SELECT ${columns} FROM accounts WHERE user_id = ${userId}`
    })
    const selectEntries = SqlSchema.findAll({
      Request: Schema.Struct({ id: AccountId, before: Schema.UndefinedOr(Schema.Int), limit: Schema.Int }),
      Result: LedgerRow,
      execute: ({ before, id, limit }) =>
        sql`SELECT id, account_id AS "accountId", number, type, amount, order_id AS "orderId",
              balance_after AS "balanceAfter", created_at AS "createdAt"
            FROM ledger WHERE ${
          sql.and([sql`account_id = ${id}`, ...(before === undefined ? [] : [sql`number < ${before}`])])
        }
            ORDER BY number DESC LIMIT ${limit}`
    })

    const byId = Effect.fn("AccountRepository.byId")(function*(id: AccountId) {
      const found = yield* readable(selectById(id))
      return yield* Option.isSome(found) ? Effect.succeed(found.value) : AccountNotFound.of(id)
    }, orUnavailable)

    const ofUser = Effect.fn("AccountRepository.ofUser")(function*(userId: UserId) {
      const found = yield* readable(selectOfUser(userId))
      return yield* Option.isSome(found) ? Effect.succeed(found.value) : AccountNotFound.none()
    }, orUnavailable)

    const open = Effect.fn("AccountRepository.open")(function*(account: Account.Account) {
      const opened = yield* sql`
        INSERT INTO accounts (id, user_id, balance, entries, created_at, updated_at)
        VALUES (${account.id}, ${account.userId}, ${account.balance}, ${account.entries},
          ${DateTime.toDate(account.createdAt)}, ${DateTime.toDate(account.updatedAt)})
        ON CONFLICT (user_id) DO NOTHING RETURNING id`
      if (opened.length > 0) return
      // The statement waited for a rival to commit, so a rival's account is there to be seen.
      const theirs = yield* ofUser(account.userId).pipe(Effect.catchTag("AccountNotFound", Effect.die))
      return yield* AccountExists.of(theirs.id)
    }, orUnavailable)

    /** The update takes the row lock and looks at the balance behind it: no two top-ups can read the same one. */
    const topUp = Effect.fn("AccountRepository.topUp")(function*(asked: Account.TopUp) {
      const amount = BigInt(asked.amount)
      while (true) {
        const booked = yield* sql`
          WITH topped AS (
            UPDATE accounts SET balance = balance + ${amount}, entries = entries + 1,
              updated_at = greatest(updated_at, ${DateTime.toDate(asked.now)})
            WHERE id = ${asked.accountId} AND user_id = ${asked.userId} AND balance + ${amount} <= ${
          BigInt(MAX_BALANCE)
        }
            RETURNING id, entries, balance, updated_at
          )
          INSERT INTO ledger (id, account_id, number, type, amount, balance_after, created_at)
          SELECT ${asked.id}, id, entries, 'TOP_UP', ${amount}, balance, updated_at FROM topped RETURNING number`
        if (booked.length > 0) return
        // Refused: the domain says why. If it would not refuse any more, money was spent meanwhile, so ask again.
        yield* Effect.fromResult(Account.topUp(yield* byId(asked.accountId), asked))
      }
    }, orUnavailable)

    const entries = Effect.fn("AccountRepository.entries")(
      (id: AccountId, page: { readonly before: number | undefined; readonly limit: number }) =>
        readable(selectEntries({ id, ...page })),
      orUnavailable
    )

    return AccountRepository.of({ open, byId, ofUser, topUp, entries })
  })
)
