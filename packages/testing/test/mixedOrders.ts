import { OrderRepository } from "@g-store/order-service/application/OrderRepository.ts"
import { Array as Arr, Context, Effect, Random } from "effect"
import type { Buyer } from "./books.ts"
import { cancel, fund, place, userOf, type World } from "./world.ts"

/**
 * So many orders of customers who can pay, who can pay for some and who have no account; a third is cancelled, at once or
 * when its payment may be under way. What goes wrong in which order is the seed's choice.
 */
export const mixedOrders = Effect.fnUntraced(function*(world: World, count: number) {
  const buyers = Arr.makeBy(10, (n): Buyer => ({
    userId: userOf(n + 1),
    funds: n % 5 === 4 ? null : n % 5 === 3 ? 150 : 1_000_000
  }))
  for (const { funds, userId } of buyers) if (funds !== null) yield* fund(world, userId, funds)
  const repository = Context.get(world.orders, OrderRepository)
  const ids = yield* Effect.forEach(Arr.range(1, count), (nth) =>
    Effect.gen(function*() {
      const { userId } = yield* Random.choice(Arr.makeBy(10, (n) => ({ userId: userOf(n + 1) })))
      const id = yield* place(world, userId, yield* Random.nextIntBetween(1, 100))
      if (nth % 3 === 0) yield* cancel(world, userId, id)
      else if (nth % 3 === 1) {
        // Once its fate is known, or while it is not.
        const wait = yield* Random.nextBoolean
        if (wait) yield* world.bus.until(Effect.map(repository.byId(id), ({ status }) => status !== "PENDING"))
        if (yield* Random.nextBoolean) yield* cancel(world, userId, id)
      }
      return id
    }), { concurrency: 5 })
  return { buyers, ids }
})
