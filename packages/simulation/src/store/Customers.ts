import type { Caller } from "@g-store/contracts/Actor.ts"
import { AccountId, UserId } from "@g-store/contracts/Ids.ts"
import { Effect, Exit, Schedule } from "effect"
import { type Network, NoAnswer } from "../engine/Network.ts"
import { Process } from "../engine/Process.ts"
import { changeOrder, placeOrder, topUp } from "./Doors.ts"
import type { Host } from "./Host.ts"
import type { Journal } from "./Journal.ts"
import type { OrderDoor, PaymentDoor } from "./services.ts"
import type { Errand } from "./Workload.ts"

export const userId = (user: number): UserId => UserId.make(`00000000-0000-7000-8000-00000000000${user}`)
export const accountId = (user: number): AccountId => AccountId.make(`00000000-0000-7000-8000-0000000000a${user}`)
export const customer = (user: number): Caller => ({ _tag: "Customer", userId: userId(user) })
export const staff: Caller = { _tag: "Staff", id: "staff" }

/** A call into another process: a fiber of its own there, and no answer if that dies first. */
export const call = <S, A>(
  network: Network,
  caller: Process,
  host: Host<S>,
  label: string,
  effect: Effect.Effect<A, NoAnswer, S>
): Effect.Effect<A, NoAnswer> =>
  network.request<A, NoAnswer>(caller, {
    server: host.name,
    label,
    apply: (reply) => {
      const { process, services } = host
      if (services === undefined) return reply(Exit.fail(new NoAnswer({ server: host.name })))
      process.run(Effect.provide(effect, services), reply)
    }
  }).pipe(
    Effect.timeoutOrElse({ duration: 3_000, orElse: () => Effect.fail(new NoAnswer({ server: host.name })) })
  )

export interface CustomersOptions {
  readonly network: Network
  readonly orders: readonly [Host<OrderDoor>, ...ReadonlyArray<Host<OrderDoor>>]
  readonly payments: readonly [Host<PaymentDoor>, ...ReadonlyArray<Host<PaymentDoor>>]
  readonly journal: Journal
  readonly onPlaced: (errand: Extract<Errand, { readonly _tag: "Order" }>) => void
}

/** Runs an errand as a process of its own: it asks one replica after the other until it is answered. */
export const runErrand = (
  options: CustomersOptions,
  errand: Extract<Errand, { readonly _tag: "Order" | "TopUp" }>,
  onEnd: () => void
): void => {
  const { journal, network } = options
  const process = new Process(network.world, errand.name, 1)

  const insist = <S, A>(
    hosts: readonly [Host<S>, ...ReadonlyArray<Host<S>>],
    label: string,
    first: number,
    effect: Effect.Effect<A, NoAnswer, S>
  ): Effect.Effect<A> => {
    let nth = first
    return Effect.suspend(() => call(network, process, hosts[nth++ % hosts.length] ?? hosts[0], label, effect)).pipe(
      Effect.retry(Schedule.spaced(600)),
      Effect.orDie
    )
  }

  const buy = Effect.fnUntraced(function*(order: Extract<Errand, { _tag: "Order" }>) {
    const { amount, name, replica, steps, user } = order
    const mine = { caller: customer(user), key: `${name}-create` }
    const id = yield* insist(options.orders, `create ${name}`, replica, placeOrder(mine, amount))
    journal.placed.set(name, id)
    options.onPlaced(order)
    for (const [nth, { ask, wait }] of steps.entries()) {
      yield* Effect.sleep(wait)
      const asked = { caller: ask === "cancel" ? customer(user) : staff, key: `${name}-${ask}-${nth}` }
      const verdict = yield* insist(options.orders, `${ask} ${name}`, replica + nth, changeOrder(asked, id, ask))
      if (verdict === "done") journal.changed.push({ name, orderId: id, ask })
    }
  })

  const pay = Effect.fnUntraced(function*({ amount, name, user }: Extract<Errand, { _tag: "TopUp" }>) {
    const asked = { caller: customer(user), key: `${name}-topUp` }
    const verdict = yield* insist(options.payments, `topUp ${name}`, 0, topUp(asked, accountId(user), amount))
    if (verdict === "done") journal.toppedUp.push({ name, user, amount })
  })

  process.run(
    Effect.andThen(Effect.sleep(errand.at), errand._tag === "Order" ? buy(errand) : pay(errand)),
    (exit) => {
      if (Exit.isSuccess(exit)) onEnd()
      else network.world.log(`${errand.name} gave up`)
    }
  )
}
