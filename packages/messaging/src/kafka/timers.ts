import RequestQueue from "kafkajs/src/network/requestQueue/index.js"

const { scheduleCheckPendingRequests } = RequestQueue.prototype

const whenSomeWait = function(this: RequestQueue): void {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
}

/**
 * kafkajs 2.2.4 looks after every answer when the next request that waits may go, also when none waits; the delay that
 * it then computes lies in the past, which Node 24 warns of, and each answer costs a timer for nothing. With nothing
 * waiting there is nothing to look after: a request that has to wait asks again by itself. Harmless to repeat.
 */
export const quietTimers = (): void => {
  RequestQueue.prototype.scheduleCheckPendingRequests = whenSomeWait
}
