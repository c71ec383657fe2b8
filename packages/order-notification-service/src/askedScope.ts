import type { Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { ClientFrame } from "@g-store/contracts/Socket.ts"
import { Result } from "effect"
import type { FeedScope } from "./Feed.ts"

export type SubscribeScope = Extract<ClientFrame, { readonly type: "subscribe"; readonly scope: "mine" | "all" }>

/** The most orders that `versions` of a scope names. */
const RESUMED = 200

/** The orders that a scope stands for, or why this caller has none. */
export const ordersOf = ({ scope }: SubscribeScope, caller: Caller | undefined): Result.Result<FeedScope, string> => {
  if (scope === "all") {
    return caller?._tag === "Staff" ? Result.succeed({ _tag: "All" }) : Result.fail("Only staff follow all orders.")
  }
  return caller?._tag === "Customer"
    ? Result.succeed({ _tag: "Mine", userId: caller.userId })
    : Result.fail("Only customers have orders of their own.")
}

/** The versions that a client names, by order; or what is wrong with them. */
export const namedVersions = (
  { versions = {} }: SubscribeScope
): Result.Result<ReadonlyMap<OrderId, number>, readonly ["LIMIT" | "INVALID", string]> => {
  const entries = Object.entries(versions).map(([id, version]) => [id.toLowerCase(), version] as const)
  const named = new Map(entries.filter((entry): entry is [OrderId, number] => isOrderId(entry[0])))
  if (new Set(entries.map(([id]) => id)).size > RESUMED) {
    return Result.fail(["LIMIT", `versions names more than ${RESUMED} orders. Name the newest.`])
  }
  return entries.every(([id]) => isOrderId(id))
    ? Result.succeed(named)
    : Result.fail(["INVALID", "versions maps order ids to versions."])
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const isOrderId = (id: string): id is OrderId => uuid.test(id)
