import { Schema } from "effect"

/** What a follower process is started with. */
export const Start = Schema.Struct({
  type: Schema.tag("start"),
  /** Ports of the notification replicas. */
  ports: Schema.Array(Schema.Int),
  /** One for each client; a user has several. */
  clients: Schema.Array(Schema.Struct({
    userId: Schema.String,
    token: Schema.String,
    /** By the scope `mine`, or order by order from version 0. */
    by: Schema.Literals(["scope", "name"])
  }))
})
/** An order was accepted. */
export const Placed = Schema.Struct({ type: Schema.tag("placed"), orderId: Schema.String, userId: Schema.String })
/** What happened to each order, as its history has it: `1 PENDING`, `2 PAID`, ... */
export const Truth = Schema.Struct({
  type: Schema.tag("truth"),
  orders: Schema.Array(
    Schema.Struct({ orderId: Schema.String, userId: Schema.String, happened: Schema.Array(Schema.String) })
  )
})
export const ToFollowers = Schema.Union([Start, Placed, Truth])
export type ToFollowers = typeof ToFollowers.Type

/** Every client is subscribed. */
export const Following = Schema.Struct({ type: Schema.tag("following") })
/** What the clients' logs are like, next to the truth. */
export const Judged = Schema.Struct({
  type: Schema.tag("judged"),
  updates: Schema.Int,
  reconnects: Schema.Int,
  /** Subscriptions to orders that were not known within the time that they are held; asked for again. */
  refusals: Schema.Int,
  /** The first differences, in words; none when every log equals the truth. */
  differences: Schema.Array(Schema.String)
})
export const FromFollowers = Schema.Union([Following, Judged])
export type FromFollowers = typeof FromFollowers.Type
