// An inner module of kafkajs 2.2.4, as far as timers.ts needs it.
declare module "kafkajs/src/network/requestQueue/index.js" {
  export default class RequestQueue {
    pending: ReadonlyArray<unknown>
    scheduleCheckPendingRequests(): void
  }
}
