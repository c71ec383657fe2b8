// Inner modules of kafkajs 2.2.4, as far as timers.ts and connections.ts need them.

declare module "kafkajs/src/network/requestQueue/index.js" {
  export default class RequestQueue {
    pending: ReadonlyArray<unknown>
    push(request: {
      readonly entry: {
        readonly apiKey: number
        readonly apiName: string
        readonly apiVersion: number
        readonly correlationId: number
        readonly resolve: (answer: { readonly payload: Buffer }) => void
        readonly reject: (error: Error) => void
      }
      readonly expectResponse: boolean
      readonly sendRequest: () => void
    }): void
    scheduleCheckPendingRequests(): void
  }
}

declare module "kafkajs/src/network/connection.js" {
  import type { ISocketFactory, Logger } from "kafkajs"
  import type RequestQueue from "kafkajs/src/network/requestQueue/index.js"

  export default class Connection {
    constructor(options: {
      readonly host: string
      readonly port: number
      readonly logger: Logger
      readonly socketFactory: ISocketFactory
      readonly requestTimeout: number
      readonly connectionTimeout: number
    })
    /** What was read and is no whole answer yet. */
    chunks: Array<Buffer>
    bytesBuffered: number
    /** How many bytes have to be there until there is something to read: at first the 4 of an answer's length. */
    bytesNeeded: number
    readonly requestQueue: RequestQueue
    isConnected(): boolean
    connect(): Promise<boolean>
    disconnect(): Promise<boolean>
  }
}
