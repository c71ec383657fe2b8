// A process full of clients that follow orders over sockets, one `OrderUpdates` of the client package each.
import { type OrderUpdate, OrderUpdates } from "@g-store/client/OrderUpdates.ts"
import { openSocket } from "@g-store/client/SocketLike.ts"
import { Schema } from "effect"
import { type FromFollowers, ToFollowers } from "./Messages.ts"

const SETTLE_MILLIS = 90_000
const SHOWN = 10

const decode = Schema.decodeUnknownSync(ToFollowers)
const tell = (message: FromFollowers): void => void process.send?.(message)

/** What one client's listeners were told, in that order, for each order. */
interface Follower {
  readonly userId: string
  readonly by: "scope" | "name"
  readonly updates: OrderUpdates
  readonly log: Map<string, Array<string>>
  /** Orders that a snapshot was the first to show, and the version there: what follows it is promised. */
  readonly shown: Map<string, number>
}

const broken: Array<string> = []
const followers: Array<Follower> = []
let told = 0
let connections = 0
let refusals = 0
let isOver = false

const note = (follower: Pick<Follower, "log">) => (update: OrderUpdate) => {
  told++
  const { orderId, version } = update.data
  const status = update.type === "order.cancelled" ? `CANCELLED ${update.data.reason}` : update.data.status
  const log = follower.log.get(orderId)
  if (log === undefined) follower.log.set(orderId, [`${version} ${status}`])
  else log.push(`${version} ${status}`)
}

const follow = (
  ports: ReadonlyArray<number>,
  { by, token, userId }: { by: "scope" | "name"; token: string; userId: string }
) =>
  new Promise<void>((done) => {
    const updates = new OrderUpdates({
      url: "ws://127.0.0.1/ws/orders/",
      token: () => token,
      // As behind a gateway: any replica, and another one the next time.
      connect: (url, protocols) => {
        connections++
        const to = new URL(url)
        to.port = String(ports[Math.floor(Math.random() * ports.length)])
        return openSocket(to.href, protocols)
      },
      onState: (state) => {
        if (state === "open" && by === "name") done()
      }
    })
    const follower: Follower = { by, userId, updates, log: new Map(), shown: new Map() }
    followers.push(follower)
    if (by === "scope") {
      updates.subscribe({ scope: "mine" }, {
        onUpdate: note(follower),
        onSnapshot: (orders) => {
          for (const { orderId, resumed, version } of orders) {
            if (!resumed) broken.push(`order ${orderId} was not resumed`)
            if (!follower.log.has(orderId) && !follower.shown.has(orderId)) follower.shown.set(orderId, version)
          }
          done()
        }
      })
    }
  })

/** Follows an order from its beginning. It may take more than the 10 seconds that a subscription is held to be known. */
const byName = (follower: Follower, orderId: string): void => {
  follower.updates.subscribe({ orderId, afterVersion: 0 }, {
    onUpdate: note(follower),
    onRefused: ({ code, message }) => {
      if (code === "ORDER_NOT_FOUND" && !follower.log.has(orderId)) {
        refusals++
        byName(follower, orderId)
      } else broken.push(`order ${orderId} was refused: ${code}: ${message}`)
    },
    onClosed: (reason) => void (isOver || broken.push(`a client is closed: ${reason}`))
  })
}

/** Differences between what the clients were told and what happened. */
const differences = (orders: typeof ToFollowers.Type & { readonly type: "truth" }): ReadonlyArray<string> => {
  const found = [...broken]
  followers.forEach(({ by, log, shown, userId }, nth) => {
    for (const { happened, orderId, userId: of } of orders.orders) {
      if (of !== userId) continue
      const was = (log.get(orderId) ?? []).join(", ")
      const after = shown.get(orderId) ?? 0
      const expected = happened.slice(after).join(", ")
      if (was !== expected) {
        found.push(`client ${nth} (${by}), order ${orderId}, shown at ${after}: told [${was}], happened [${expected}]`)
      }
    }
    const known = new Set(orders.orders.map(({ orderId }) => orderId))
    for (const orderId of log.keys()) if (!known.has(orderId)) found.push(`client ${nth}: told of ${orderId}, unknown`)
  })
  return found
}

process.on("message", async (raw) => {
  const message = decode(raw)
  switch (message.type) {
    case "start": {
      await Promise.all(message.clients.map((client) => follow(message.ports, client)))
      return tell({ type: "following" })
    }
    case "placed":
      for (const follower of followers) {
        if (follower.by !== "name" || follower.userId !== message.userId) continue
        byName(follower, message.orderId)
      }
      return
    case "truth": {
      const until = Date.now() + SETTLE_MILLIS
      while (differences(message).length > 0 && Date.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
      // What comes after the last expected update would be one too many.
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      const found = differences(message)
      const shown = [...found.slice(0, SHOWN), ...(found.length > SHOWN ? [`and ${found.length - SHOWN} more`] : [])]
      isOver = true
      tell({ type: "judged", updates: told, refusals, reconnects: connections - followers.length, differences: shown })
      for (const { updates } of followers) updates.close()
      process.disconnect?.()
    }
  }
})
