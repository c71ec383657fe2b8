import { Schema } from "effect"

/** A promise that the store did not keep under the trouble that was made, or trouble that could not be made. */
export class NotKept extends Schema.TaggedError<NotKept>()("NotKept", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}
