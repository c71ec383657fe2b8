import type { AccountId } from "@g-store/contracts/Ids.ts"

/** `Account` by account id. */
export const ACCOUNTS = "accounts"

/** `AccountOfUser` by user id: what a unique column is on PostgreSQL. */
export const ACCOUNTS_BY_USER = "accounts_by_user"

export interface AccountOfUser {
  readonly id: AccountId
}

/** `LedgerEntry` by account id and number. */
export const LEDGER = "ledger"

export const ledgerKey = (accountId: AccountId, number: number): string => `${accountId}/${number}`

/** `Payment` by order id. */
export const PAYMENTS = "payments"
