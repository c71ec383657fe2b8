import type { Caller } from "@g-store/contracts/Actor.ts"
import { Amount } from "@g-store/contracts/Amount.ts"
import { AccountId, OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { EVENT_TYPE, MESSAGE_ID, type WireMessage } from "@g-store/messaging/Message.ts"
import { shardOf } from "@g-store/messaging/Outbox.ts"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { type Done, explained } from "../src/Explanation.ts"
import type { Command, Message, State } from "../src/Notebook.ts"
import { type Follow, ORDERS, type Sequence } from "../src/Sequence.ts"
import { nothing, settled } from "../src/StoreModel.ts"
import { makeFollowers } from "./Followers.ts"
import { observed } from "./observed.ts"
import type { Rig } from "./Rig.ts"

const staff: Caller = { _tag: "Staff", id: "staff" }
const stranger: Caller = { _tag: "Customer", userId: UserId.make(randomUUID()) }

/** The HTTP answer that an error stands for. */
const statuses: Readonly<Record<string, string>> = {
  Forbidden: "403",
  OrderNotFound: "404",
  AccountNotFound: "404",
  TransitionNotAllowed: "409",
  AccountExists: "409",
  VersionMismatch: "412",
  KeyReused: "422"
}
const answerOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>, success: (a: A) => string) =>
  effect.pipe(
    Effect.match({ onSuccess: success, onFailure: ({ _tag }) => statuses[_tag] ?? _tag }),
    Effect.catchDefect((defect) => Effect.succeed(`defect ${defect}`))
  )

const types: Readonly<Record<Message, string>> = {
  created: "OrderCreated",
  moved: "OrderStatusChanged",
  cancelled: "OrderCancelled",
  paid: "PaymentProcessed"
}
const idOf = ({ headers }: WireMessage) => headers[MESSAGE_ID] ?? ""

/** Plays the sequence with a customer of its own; gives what cannot be explained by the model, or nothing. */
export const play = Effect.fnUntraced(
  function*(rig: Rig, sequence: Sequence) {
    const userId = UserId.make(randomUUID())
    const caller: Caller = { _tag: "Customer", userId }
    const keys = Array.from({ length: ORDERS }, () => randomUUID())
    const ids: Array<OrderId | undefined> = keys.map(() => undefined)
    let account: AccountId | undefined
    const delivered = new Set<string>()
    const followers = makeFollowers(rig)

    /** What was committed about an order, once all of it has come to the gate. */
    const heldOf = Effect.fnUntraced(function*(id: OrderId) {
      for (const outbox of rig.outboxes) {
        const rows = yield* outbox.exchange({ removals: [], shards: [shardOf(id)], limit: 100_000 })
        const awaited = rows.flatMap(({ message }) => message.key === id ? message.id : [])
        yield* rig.bus.until(Effect.sync(() => {
          const known = new Set(rig.bus.of(id).map(idOf))
          return awaited.every((one) => known.has(one))
        }))
      }
      return rig.bus.of(id)
    })

    const ifMatch = (version: number | undefined) => version === undefined ? {} : { expected: [version] }
    /** Whatever a command is about is looked up before, so that the commands of a step know nothing of each other. */
    const prepare = Effect.fnUntraced(function*(command: Command | Follow) {
      const at = "order" in command ? command.order : 0
      const known = ids[at]
      const id = known ?? OrderId.make(randomUUID())
      const own = account ?? AccountId.make(randomUUID())
      switch (command.do) {
        case "create": {
          const key = { scope: userId, key: keys[at] ?? "", hash: String(command.amount) }
          const created = rig.orders.create(caller, { amount: Amount.make(command.amount) }, key)
          return answerOf(created, ({ orderId }) => {
            // A twin must give the same order, or one of the two is lost to the customer.
            const first = ids[at] ??= orderId
            return first === orderId ? "201" : "201 of another order"
          })
        }
        case "cancel": {
          const by = command.by === "staff" ? staff : command.by === "owner" ? caller : stranger
          const reason = command.by === "staff" ? "OUT_OF_STOCK" : "CHANGED_MIND"
          return answerOf(rig.orders.cancel(by, id, { reason, ...ifMatch(command.ifVersion) }), () => "204")
        }
        case "move":
          return answerOf(rig.orders.move(staff, id, { to: command.to, ...ifMatch(command.ifVersion) }), () => "204")
        case "open":
          return answerOf(rig.accounts.open(caller), (opened) => {
            account = opened.id
            return "201"
          })
        case "topUp": {
          const by = command.by === "owner" ? caller : stranger
          return answerOf(rig.accounts.topUp(by, own, Amount.make(command.amount)), () => "204")
        }
        case "look":
          return answerOf(rig.orders.byId(caller, id), ({ status, version }) => `200 ${status} ${version}`)
        case "balance":
          return answerOf(rig.accounts.byId(caller, own), ({ balance }) => `200 ${balance}`)
        case "deliver": {
          const held = known === undefined ? [] : yield* heldOf(known)
          const message = held.findLast(({ headers }) => headers[EVENT_TYPE] === types[command.message])
          if (message === undefined) return Effect.succeed("nothing to deliver")
          if (!command.again) delivered.add(idOf(message))
          const sent = command.again
            ? { ...message, headers: { ...message.headers, [MESSAGE_ID]: randomUUID() } }
            : message
          return answerOf(rig.bus.deliver([sent]), () => "delivered")
        }
        case "follow":
          return known === undefined ? Effect.void : followers.follow(caller, known, command.after)
      }
    })

    const begun = nothing(ORDERS)
    let states: ReadonlyArray<State> = [begun]
    for (const [nth, commands] of sequence.entries()) {
      const prepared = yield* Effect.forEach(commands, prepare)
      const answers = yield* Effect.all(prepared, { concurrency: "unbounded" })
      const done = commands.flatMap((command, at): ReadonlyArray<Done> =>
        command.do === "follow" ? [] : [{ command, answer: answers[at] ?? "" }]
      )
      const before = states
      states = explained(before, done)
      if (states.length === 0) {
        return `step ${nth + 1} was answered [${answers}], which no order of it explains from ${JSON.stringify(before)}`
      }
    }

    for (const id of ids) {
      if (id === undefined) continue
      for (;;) {
        const left = (yield* heldOf(id)).filter((message) => !delivered.has(idOf(message)))
        if (left.length === 0) break
        yield* rig.bus.deliver(left)
        left.forEach((message) => delivered.add(idOf(message)))
      }
    }
    const { faults, state } = yield* observed(rig, userId, ids)
    const versionOf = (id: OrderId) => state.orders[ids.indexOf(id)]?.history.length ?? 0
    yield* followers.caughtUp(versionOf)
    for (const id of ids) if (id !== undefined) rig.bus.forget(id)
    const ends = new Set(states.map((one) => JSON.stringify(settled(one))))
    const wrong = [...faults, ...followers.faults(versionOf)]
    if (wrong.length > 0) return wrong.join("; ")
    return ends.has(JSON.stringify(state))
      ? undefined
      : `it ended in ${JSON.stringify(state)}, where only ${[...ends]} may be`
  },
  Effect.scoped,
  Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => Effect.succeed("it did not end") })
)
