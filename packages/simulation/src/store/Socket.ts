import type { SocketLike } from "@g-store/client/SocketLike.ts"
import type { Caller } from "@g-store/contracts/Actor.ts"
import { makeUpdateFrames } from "@g-store/order-notification-service/Frames.ts"
import { defaultLimits } from "@g-store/order-notification-service/SocketLimits.ts"
import type { SocketSession } from "@g-store/order-notification-service/SocketSession.ts"
import { makeSessions } from "@g-store/order-notification-service/SocketSessions.ts"
import { Effect } from "effect"
import type { Network } from "../engine/Network.ts"
import type { Process } from "../engine/Process.ts"
import type { Host } from "./Host.ts"
import type { NotificationDoor } from "./services.ts"

const decoder = new TextDecoder()
const HALF_OPEN_MILLIS = 4_000

/** Frames of one direction: each takes its time, none overtakes another. */
const makePipe = (network: Network, to: Process, name: string) => {
  let last = 0
  let nth = 0
  return (deliver: () => void): void => {
    const { world } = network
    last = Math.max(last, world.now + network.latency(name, nth++, 6))
    world.after(last - world.now, to, deliver)
  }
}

/** A socket between a subscriber and a replica, as the client's Connection wants it. */
export const openSimulatedSocket = (
  network: Network,
  client: Process,
  host: Host<NotificationDoor>,
  caller: Caller
): SocketLike & { readonly drop: (told: boolean) => void } => {
  const { world } = network
  const server = host.process
  const up = makePipe(network, server, `${client.name} up`)
  const down = makePipe(network, client, `${client.name} down`)
  const early: Array<string> = []
  let session: SocketSession | undefined
  let isOpen = true
  let endSession = () => {}

  const lose = (code: number, reason: string) => {
    if (!isOpen) return
    isOpen = false
    server.onDeath.delete(onDeath)
    down(() => socket.onclose?.({ code, reason }))
  }
  const onDeath = () => lose(1006, "the replica is gone")

  const converse = () => {
    const updateFrame = makeUpdateFrames()
    return Effect.gen(function*() {
      const sessions = yield* makeSessions({
        limits: defaultLimits,
        updateFrame,
        authenticate: () => Effect.succeed({ caller, expiresAt: world.start + 3_600_000 }),
        admission: { take: () => true, giveBack: () => {} }
      })
      const begun = session = sessions.open({
        connection: {
          send: (frame) => {
            const text = typeof frame === "string" ? frame : decoder.decode(frame)
            if (isOpen) down(() => isOpen ? socket.onmessage?.({ data: text }) : undefined)
          },
          close: (code, reason) => lose(code, reason)
        }
      })
      for (const text of early.splice(0)) begun.receive(text)
      // Ended with its scope.
      return yield* Effect.never
    }).pipe(Effect.scoped)
  }

  const socket = {
    get readyState() {
      return isOpen ? 1 : 3
    },
    send: (data: string) => {
      if (!isOpen) return
      up(() => {
        if (!isOpen) return
        if (session === undefined) early.push(data)
        else session.receive(data)
      })
    },
    close: (code = 1000, reason = "") => {
      world.after(5, world.ground, () => endSession())
      lose(code, reason)
    },
    /** The connection breaks. A replica that is not told goes on sending into nothing for a while. */
    drop: (told: boolean) => {
      world.after(told ? 5 : HALF_OPEN_MILLIS, world.ground, () => endSession())
      lose(1006, "the connection broke")
    },
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null
  } as SocketLike & { readonly drop: (told: boolean) => void }

  world.after(network.latency(client.name, world.elapsed, 7), world.ground, () => {
    const { services } = host
    if (!server.alive || host.process !== server || services === undefined || network.isCut(client.name, host.name)) {
      return lose(1006, "nobody answers")
    }
    world.log(`${client.name} connects to ${server.id}`)
    server.onDeath.add(onDeath)
    endSession = server.run(Effect.provide(converse(), services), () => {})
    down(() => socket.onopen?.())
  })
  return socket
}
