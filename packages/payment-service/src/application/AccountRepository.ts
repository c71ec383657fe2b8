import type { AccountId, UserId } from "@g-store/contracts/Ids.ts"
import type { AccountExists, AccountNotFound, BalanceLimitExceeded } from "@g-store/contracts/PaymentErrors.ts"
import type { Forbidden } from "@g-store/contracts/Problems.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import type { Effect } from "effect"
import { Context } from "effect"
import type { Account, LedgerEntry, TopUp } from "../domain/Account.ts"

/** Where accounts and their ledger live. Every change of a balance is stored with the entry that explains it. */
export class AccountRepository extends Context.Service<AccountRepository, {
  /** Stores a new account. A refusal leaves a surrounding transaction usable. */
  readonly open: (account: Account) => Effect.Effect<void, AccountExists | DatabaseUnavailable>
  readonly byId: (id: AccountId) => Effect.Effect<Account, AccountNotFound | DatabaseUnavailable>
  readonly ofUser: (userId: UserId) => Effect.Effect<Account, AccountNotFound | DatabaseUnavailable>
  /** Under the account's lock; refused exactly as the domain's `topUp` refuses. */
  readonly topUp: (
    topUp: TopUp
  ) => Effect.Effect<void, AccountNotFound | Forbidden | BalanceLimitExceeded | DatabaseUnavailable>
  /** At most `limit` entries numbered below `before`, newest first. An unknown account has none. */
  readonly entries: (
    id: AccountId,
    page: { readonly before: number | undefined; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<LedgerEntry>, DatabaseUnavailable>
}>()("@g-store/payment-service/AccountRepository") {}
