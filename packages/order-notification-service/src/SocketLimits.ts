/** What one socket, user and replica may take up. */
export interface SocketLimits {
  /** Frames that a client may send in a second, and one for each of `subscriptions` at once; more close it with 4429. */
  readonly messagesPerSecond: number
  /** Orders that one socket follows by name. */
  readonly subscriptions: number
  /** Sockets of one user at one replica; one more is closed with 4429. */
  readonly connectionsPerUser: number
  /** Sockets at one replica; more are turned away with 503. */
  readonly connections: number
  /** Bytes of a client's frame; more close it with 1009. */
  readonly frameBytes: number
  /** Bytes waiting for a client that does not read; more close it with 1013. */
  readonly bufferedBytes: number
  /** Milliseconds that a peer has to answer a close before the connection is cut. */
  readonly closeMillis: number
  /** The same for one that has not read fast enough: the close lies behind all that waits for it. */
  readonly slowCloseMillis: number
  /** Milliseconds from ping to ping: who has not been heard of at the next one is closed with 4408. */
  readonly pingMillis: number
}

export const defaultLimits: SocketLimits = {
  messagesPerSecond: 50,
  subscriptions: 500,
  connectionsPerUser: 50,
  connections: 20_000,
  frameBytes: 16 * 1024,
  bufferedBytes: 1024 * 1024,
  closeMillis: 2_000,
  slowCloseMillis: 10_000,
  pingMillis: 15_000
}
