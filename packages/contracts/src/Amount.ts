import { Schema } from "effect"

/** The largest amount of one order or top-up, in minor units. */
export const MAX_AMOUNT = 1_000_000_000_000

/** The largest balance a top-up may lead to: JSON numbers stay exact below 2^53. */
export const MAX_BALANCE = 9_000_000_000_000_000

/** What an order costs or a top-up brings, in whole minor units (kopecks, cents); never a fraction. */
export const Amount = Schema.Int
  .check(Schema.isBetween({ minimum: 1, maximum: MAX_AMOUNT }))
  .annotate({ description: "Whole minor units (kopecks, cents)", examples: [1500] })
  .pipe(Schema.brand("Amount"))
export type Amount = typeof Amount.Type

/** What an account holds, in whole minor units; never negative. Refunds are never refused, so only top-ups are bounded. */
export const Balance = Schema.Int
  .check(Schema.isGreaterThanOrEqualTo(0))
  .annotate({ description: "Whole minor units (kopecks, cents)", examples: [8500] })
  .pipe(Schema.brand("Balance"))
export type Balance = typeof Balance.Type
