import { Schema } from "effect"

/** This machine cannot run Kafka, or it did not start. `message` begins with `kafka:`, as reasons of skipped tests do. */
export class KafkaMissing extends Schema.TaggedError<KafkaMissing>()("KafkaMissing", {
  message: Schema.String
}) {}

export const kafkaMissing = (reason: string) => new KafkaMissing({ message: `kafka: ${reason}` })
