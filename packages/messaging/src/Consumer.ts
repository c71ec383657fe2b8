import { type Effect, type Result, Schema } from "effect"
import type { IncomingMessage } from "./Message.ts"

/** Why a message can never be handled as it is. It becomes a dead letter and parks its key. */
export class Poison extends Schema.TaggedError<Poison>()("Poison", {
  /** The offending messages, each with a reason that an operator can act on. */
  messages: Schema.NonEmptyArray(Schema.Struct({ id: Schema.String, reason: Schema.String }))
}) {}

/** What decoding makes of a message: the service's own type, nothing of interest, or a reason why it cannot be read. */
export type Decoded<M> = Result.Result<M | undefined, string>

/** A decoded message with what is known of its delivery. */
export interface Received<M> {
  readonly id: string
  readonly key: string | null
  readonly value: M
  readonly message: IncomingMessage
}

/**
 * A consumer of events: everything about a service's reading side but the delivery itself.
 *
 * `handle` gets fresh messages only, in order per partition, and runs inside the transaction that marks them as taken:
 * its writes and outbox rows commit with the marks or not at all. It must not fork. A refusal by the domain (a late
 * payment, a second cancel) is a result, not a failure. It fails with Poison to set named messages aside; a defect or
 * a violated constraint is bisected to its message; everything else is tried again for ever.
 */
export interface Consumer<M, R = never> {
  /** Group on the bus and identity in the inbox, for instance `g-store.payment-service`. Never changes. */
  readonly name: string
  readonly topics: ReadonlyArray<string>
  readonly decode: (message: IncomingMessage) => Decoded<M>
  readonly handle: (messages: ReadonlyArray<Received<M>>) => Effect.Effect<void, unknown, R>
  /**
   * Told of readable messages that were just set aside or wait behind one that was, for alerts that cannot wait for the
   * operator. Runs after the commit and again, for all that is still held back, when the consumer starts: so tell the
   * same thing twice rather than never. Its failure is logged and changes nothing.
   */
  readonly onParked?: ((messages: ReadonlyArray<Received<M>>) => Effect.Effect<void, unknown, R>) | undefined
}
