import type { Caller } from "@g-store/contracts/Actor.ts"
import type { Amount } from "@g-store/contracts/Amount.ts"
import { AccountId, TransactionId } from "@g-store/contracts/Ids.ts"
import { Forbidden } from "@g-store/contracts/Problems.ts"
import { Context, DateTime, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import * as Account from "../domain/Account.ts"
import { AccountRepository } from "./AccountRepository.ts"

const userOf = Effect.fnUntraced(function*(caller: Caller) {
  if (caller._tag === "Customer") return caller.userId
  return yield* new Forbidden({ detail: "Accounts are for customers; staff have none." })
})

/** Everything that can be done with an account. An account is its owner's alone. */
export class Accounts extends Context.Service<Accounts>()("@g-store/payment-service/Accounts", {
  make: Effect.gen(function*() {
    const repository = yield* AccountRepository
    const random = yield* SecureRandom.SecureRandom

    const open = Effect.fn("Accounts.open")(function*(caller: Caller) {
      const userId = yield* userOf(caller)
      const account = Account.open(AccountId.make(yield* random.uuidV7()), userId, yield* DateTime.now)
      yield* repository.open(account)
      return account
    })

    const mine = Effect.fn("Accounts.mine")(function*(caller: Caller) {
      return yield* repository.ofUser(yield* userOf(caller))
    })

    const byId = Effect.fn("Accounts.byId")(function*(caller: Caller, id: AccountId) {
      const userId = yield* userOf(caller)
      const account = yield* repository.byId(id)
      yield* Effect.fromResult(Account.canUse(account, userId))
      return account
    })

    const topUp = Effect.fn("Accounts.topUp")(function*(caller: Caller, accountId: AccountId, amount: Amount) {
      const userId = yield* userOf(caller)
      const id = TransactionId.make(yield* random.uuidV7())
      yield* repository.topUp({ id, accountId, userId, amount, now: yield* DateTime.now })
    })

    /** A page of the ledger, newest first; `next` is the number to ask for entries before, absent on the last page. */
    const statement = Effect.fn("Accounts.statement")(function*(
      caller: Caller,
      accountId: AccountId,
      page: { readonly before: number | undefined; readonly limit: number }
    ) {
      const { id } = yield* byId(caller, accountId)
      const entries = yield* repository.entries(id, page)
      const oldest = entries.at(-1)?.number
      // Numbers have no gaps, so whether more follow needs no look.
      return { entries, next: oldest === undefined || oldest === 1 ? undefined : oldest }
    })

    return { open, mine, byId, topUp, statement }
  })
}) {
  static readonly layer = Layer.effect(this, this.make)
}
