import { Amount } from "@g-store/contracts/Amount.ts"
import { TransactionId } from "@g-store/contracts/Ids.ts"
import { apply } from "@g-store/messaging/memory/MemoryTables.ts"
import type { Account, LedgerEntry } from "@g-store/payment-service/domain/Account.ts"
import { DateTime } from "effect"
import type { DatabaseServer } from "../servers/DatabaseServer.ts"
import { accountId, userId } from "./Customers.ts"
import { FUNDS } from "./Workload.ts"

/** Puts in place what the customers had before the run: an account each for the first two, filled by one entry. */
export const openAccounts = (database: DatabaseServer): void => {
  const createdAt = DateTime.makeUnsafe(0)
  for (const user of [0, 1]) {
    const id = accountId(user)
    const balance = BigInt(FUNDS)
    const account: Account = { id, userId: userId(user), balance, entries: 1, createdAt, updatedAt: createdAt }
    const entry: LedgerEntry = {
      id: TransactionId.make(id),
      accountId: id,
      number: 1,
      type: "TOP_UP",
      amount: Amount.make(FUNDS),
      orderId: null,
      balanceAfter: balance,
      createdAt
    }
    apply(
      new Map<string, Map<string, object>>([
        ["accounts", new Map([[id, account]])],
        ["accounts_by_user", new Map([[userId(user), { id }]])],
        ["ledger", new Map([[`${id}/1`, entry]])]
      ]),
      database.durable
    )
  }
}
