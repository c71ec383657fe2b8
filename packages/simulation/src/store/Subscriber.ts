import { type OrderUpdate, OrderUpdates, type Snapshot } from "@g-store/client/OrderUpdates.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { Network } from "../engine/Network.ts"
import { prng } from "../engine/Prng.ts"
import { Process } from "../engine/Process.ts"
import type { Violations } from "../rules/Violations.ts"
import { customer, staff } from "./Customers.ts"
import type { Host } from "./Host.ts"
import type { Names } from "./Names.ts"
import type { NotificationDoor } from "./services.ts"
import { openSimulatedSocket } from "./Socket.ts"
import type { Errand } from "./Workload.ts"

/** What a subscriber was told of one order. */
interface Log {
  /** The version at which the promise begins. */
  readonly from: number
  readonly seen: Array<string>
}

/** How somebody follows orders: each by its id from the beginning, each from where it stands, or all at once. */
export type Following = "from the beginning" | "from now" | "mine" | "all"

export interface SubscriberOptions {
  readonly name: string
  readonly user: number
  readonly following: Following
  readonly network: Network
  readonly hosts: readonly [Host<NotificationDoor>, ...ReadonlyArray<Host<NotificationDoor>>]
  readonly names: Names
  readonly violations: Violations
}

/** The client's own reconnecting and resuming, on virtual time, against sessions of the replicas. */
export class Subscriber {
  readonly name: string
  readonly logs = new Map<string, Log>()
  private readonly options: SubscriberOptions
  private readonly updates: OrderUpdates
  private socket: ReturnType<typeof openSimulatedSocket> | undefined

  constructor(options: SubscriberOptions) {
    const { following, hosts, name, network, user } = options
    const process = new Process(network.world, name, 1)
    const random = prng(network.world.seed, `socket/${name}`)
    const caller = following === "all" ? staff : customer(user)
    let nth = user
    this.name = name
    this.options = options
    this.updates = new OrderUpdates({
      url: "wss://store",
      token: () => name,
      connect: () => {
        this.socket = openSimulatedSocket(network, process, hosts[nth++ % hosts.length] ?? hosts[0], caller)
        return this.socket
      },
      delays: { first: 200, longest: 3_000 },
      surroundings: {
        later: (millis, run) => {
          const timer = network.world.after(millis, process, run)
          return () => {
            timer.cancelled = true
          }
        },
        now: () => network.world.now,
        random: random.float
      }
    })
    if (following === "mine" || following === "all") this.followAll(following)
  }

  /** The last version that it was told or shown; undefined for an order that it does not follow (yet). */
  last(id: string): number | undefined {
    const log = this.logs.get(id)
    return log === undefined ? undefined : log.from + log.seen.length
  }

  drop(told: boolean): void {
    this.socket?.drop(told)
  }

  /** An order was acknowledged to its customer, who may follow it now. */
  placed(id: OrderId, errand: Extract<Errand, { readonly _tag: "Order" }>): void {
    const { following, user } = this.options
    if (errand.user !== user) return
    if (following === "from the beginning") {
      this.logs.set(id, { from: 0, seen: [] })
      this.follow(id, 0)
    } else if (following === "from now") this.follow(id, undefined)
  }

  private follow(id: OrderId, afterVersion: number | undefined): void {
    const { names, network } = this.options
    this.updates.subscribe({ orderId: id, afterVersion }, {
      onUpdate: this.take,
      onSnapshot: this.begin,
      onRefused: ({ code }) => {
        network.world.log(`${this.name} is refused ${names.of(id)}: ${code}`)
        // The order's first event is still on its way.
        network.world.after(500, network.world.ground, () => this.follow(id, this.last(id)))
      }
    })
  }

  private followAll(scope: "mine" | "all"): void {
    this.updates.subscribe({ scope }, { onUpdate: this.take, onSnapshot: this.begin })
  }

  /** The promise begins where the order was shown to stand, unless it had begun before. */
  private readonly begin = (orders: ReadonlyArray<Snapshot>): void => {
    for (const { orderId, resumed, version } of orders) {
      if (!resumed) this.options.violations.report(`${this.name} could not resume`)
      if (!this.logs.has(orderId)) this.logs.set(orderId, { from: version, seen: [] })
    }
  }

  private readonly take = (update: OrderUpdate): void => {
    const { names, network, violations } = this.options
    const { orderId, version } = update.data
    const status = update.type === "order.cancelled" ? "CANCELLED" : update.data.status
    network.world.log(`${this.name} sees ${names.of(orderId)}/${version} ${status}`)
    let log = this.logs.get(orderId)
    // An order that a scope tells of without having shown it is a new one.
    if (log === undefined) this.logs.set(orderId, log = { from: 0, seen: [] })
    const last = log.from + log.seen.length
    if (version !== last + 1) violations.report(`${this.name} is told ${names.of(orderId)}/${version} after /${last}`)
    log.seen.push(`${version} ${status}`)
  }
}
