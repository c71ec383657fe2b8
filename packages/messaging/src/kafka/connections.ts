import Connection from "kafkajs/src/network/connection.js"

const { connect } = Connection.prototype

const connectAnew = function(this: Connection): Promise<boolean> {
  if (!this.isConnected()) {
    this.chunks = []
    this.bytesBuffered = 0
    this.bytesNeeded = 4
  }
  return connect.call(this)
}

/**
 * kafkajs 2.2.4 keeps what it has read of an answer when the connection breaks in the middle of it, and puts the answers
 * of the next connection behind that: no byte is then where it looks for it, and every request times out for as long as
 * the broker lives, though it answers. A member whose fetches do so stays in its group and hears nothing more. With this
 * each connection begins to read at its own beginning. Harmless to repeat.
 */
export const separateConnections = (): void => {
  Connection.prototype.connect = connectAnew
}
