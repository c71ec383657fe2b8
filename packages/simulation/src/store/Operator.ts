import { type DeadLetter, DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import { EVENT_TYPE } from "@g-store/messaging/Message.ts"
import { Effect, Schedule } from "effect"
import { type Network, NoAnswer } from "../engine/Network.ts"
import { hash } from "../engine/Prng.ts"
import { Process } from "../engine/Process.ts"
import { call } from "./Customers.ts"
import { FOREIGN } from "./Foreign.ts"
import type { Host } from "./Host.ts"
import type { Journal } from "./Journal.ts"
import type { Names } from "./Names.ts"

type Hosts = readonly [Host<DeadLetters>, ...ReadonlyArray<Host<DeadLetters>>]

export interface OperatorOptions {
  readonly network: Network
  readonly names: Names
  readonly journal: Journal
  /** The replicas of each service that keeps dead letters. */
  readonly services: ReadonlyArray<Hosts>
}

const ROUND_MILLIS = 1_300

/** What an operator decides, by the letter alone, so that it stays the same when a scenario is made smaller. */
const isReplayed = ({ attempts, consumer, message, messageId }: DeadLetter, names: Names): boolean => {
  const chance = hash(`${consumer} ${message.headers[FOREIGN] ?? names.of(messageId)}`) % 10
  // Poison of others can only be left out; who tries it nevertheless finds the letter open again.
  if (message.headers[FOREIGN] !== undefined) return attempts === 1 && chance < 4
  // The feed is a copy: leaving a part of it out would be wrong whatever the operator thinks.
  return consumer.includes("notification") || chance < 7
}

/** Looks through the dead letters of every service now and then, asks a replica for what is to be done, and comes back. */
export const runOperator = ({ journal, names, network, services }: OperatorOptions): void => {
  const process = new Process(network.world, "operator", 1)
  let nth = 0
  const ask = <A, E>(hosts: Hosts, label: string, effect: Effect.Effect<A, E, DeadLetters>) =>
    call(
      network,
      process,
      hosts[nth++ % hosts.length] ?? hosts[0],
      label,
      Effect.mapError(effect, () => new NoAnswer({ server: "service" }))
    )

  const round = Effect.fnUntraced(function*(hosts: Hosts) {
    const open = yield* ask(hosts, "letters", DeadLetters.use((letters) => letters.list({ state: "open" })))
    for (const letter of open) {
      const name = letter.message.headers[FOREIGN] ?? names.of(letter.messageId)
      const replayed = isReplayed(letter, names)
      network.world.log(
        `operator ${replayed ? "replays" : "discards"} ${name} (${letter.message.headers[EVENT_TYPE]}) of ` +
          `${letter.consumer}, ${letter.waiting} wait: ${letter.reason}`
      )
      if (!replayed) journal.discarded.add(letter.id)
      yield* ask(
        hosts,
        `${replayed ? "replay" : "discard"} ${name}`,
        DeadLetters.use((letters) => replayed ? letters.replay(letter.id) : letters.discard(letter.id, "not ours"))
      )
    }
  })
  process.run(
    Effect.forEach(services, (hosts) => Effect.ignore(round(hosts)), { discard: true }).pipe(
      Effect.repeat(Schedule.spaced(ROUND_MILLIS))
    ),
    () => {}
  )
}
