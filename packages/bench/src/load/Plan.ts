/** What a generator is asked to do, in a process of its own; sent to it as a message. */
export interface Plan {
  readonly port: number
  readonly path: string
  readonly body: string
  /** Header lines of which each request takes the next one: whose request it is. */
  readonly identities: ReadonlyArray<string>
  /** All of them are opened before the clock starts. */
  readonly connections: number
  /** Requests a second, sent when they are due whatever became of the earlier ones; undefined is a closed loop. */
  readonly rate?: number
  readonly seconds: number
  /** Names the orders that were accepted, and when each was due. */
  readonly remember?: boolean
}

/** Answers of one status: how many and how long they took, in milliseconds. */
export interface Answers {
  readonly count: number
  /** Those of them that came before the plan's end. */
  readonly inTime: number
  readonly p50: number
  readonly p99: number
  readonly withRetryAfter: number
}

/** What a generator has seen. */
export interface Seen {
  readonly seconds: number
  readonly answers: Readonly<Record<string, Answers>>
  /** Where they are remembered: `due` in milliseconds since the epoch. */
  readonly orders: ReadonlyArray<{ readonly id: string; readonly due: number }>
  /** Requests that an open loop could not send, because every connection was waiting. */
  readonly unsent: number
  /** Requests that had no answer long after the plan's end. */
  readonly silent: number
  /** Connections that were cut. */
  readonly cut: number
  /** Milliseconds of processor time of the generator. */
  readonly cpuMillis: number
}

/** What the parent may say: a plan, or to a running one to wait with further requests, or to go on. */
export type Word = Plan | "hold" | "go on"
