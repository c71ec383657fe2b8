import type { AccountId, UserId } from "@g-store/contracts/Ids.ts"
import { AccountExists, AccountNotFound } from "@g-store/contracts/PaymentErrors.ts"
import { MemoryDatabase, type Rows } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Effect, Layer, Result } from "effect"
import { AccountRepository } from "../application/AccountRepository.ts"
import * as Account from "../domain/Account.ts"
import { type AccountOfUser, ACCOUNTS, ACCOUNTS_BY_USER, LEDGER, ledgerKey } from "./MemoryTables.ts"

export const AccountRepositoryMemory = Layer.effect(
  AccountRepository,
  Effect.gen(function*() {
    const database = yield* MemoryDatabase

    const find = (rows: Rows, id: AccountId): Result.Result<Account.Account, AccountNotFound> =>
      Result.fromNullishOr(rows.get<Account.Account>(ACCOUNTS, id), () => AccountNotFound.of(id))

    const byId = Effect.fn("AccountRepository.byId")(function*(id: AccountId) {
      return yield* Effect.fromResult(yield* database.statement("account by id", [], (rows) => find(rows, id)))
    })

    const ofUser = Effect.fn("AccountRepository.ofUser")(function*(userId: UserId) {
      return yield* Effect.fromResult(
        yield* database.statement("account of user", [], (rows) => {
          const known = rows.get<AccountOfUser>(ACCOUNTS_BY_USER, userId)
          return known === undefined ? Result.fail(AccountNotFound.none()) : find(rows, known.id)
        })
      )
    })

    const open = Effect.fn("AccountRepository.open")(function*(account: Account.Account) {
      const lock = `${ACCOUNTS_BY_USER}/${account.userId}`
      return yield* Effect.fromResult(
        yield* database.statement("open account", [lock], (rows) => {
          const known = rows.get<AccountOfUser>(ACCOUNTS_BY_USER, account.userId)
          if (known !== undefined) return Result.fail(AccountExists.of(known.id))
          rows.put(ACCOUNTS, account.id, account)
          rows.put(ACCOUNTS_BY_USER, account.userId, { id: account.id } satisfies AccountOfUser)
          return Result.void
        })
      )
    })

    const topUp = Effect.fn("AccountRepository.topUp")(function*(asked: Account.TopUp) {
      const lock = `${ACCOUNTS}/${asked.accountId}`
      return yield* Effect.fromResult(
        yield* database.statement("top up", [lock], (rows) =>
          find(rows, asked.accountId).pipe(
            Result.flatMap((account) => Account.topUp(account, asked)),
            Result.map(({ account, entry }) => {
              rows.put(ACCOUNTS, account.id, account)
              rows.put(LEDGER, ledgerKey(entry.accountId, entry.number), entry)
            })
          ))
      )
    })

    const entries = Effect.fn("AccountRepository.entries")((
      id: AccountId,
      { before, limit }: { readonly before: number | undefined; readonly limit: number }
    ) =>
      database.statement("ledger entries", [], (rows) => {
        const latest = rows.get<Account.Account>(ACCOUNTS, id)?.entries ?? 0
        const page: Array<Account.LedgerEntry> = []
        for (let number = Math.min(latest, (before ?? Infinity) - 1); number > 0 && page.length < limit; number--) {
          const entry = rows.get<Account.LedgerEntry>(LEDGER, ledgerKey(id, number))
          if (entry !== undefined) page.push(entry)
        }
        return page
      })
    )

    return AccountRepository.of({ open, byId, ofUser, topUp, entries })
  })
)
