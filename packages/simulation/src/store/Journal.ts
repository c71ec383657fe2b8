import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { Step } from "./Workload.ts"

/** What callers were promised: every 201 and 204 that reached them. */
export interface Journal {
  /** Order ids by the errand's name. */
  readonly placed: Map<string, OrderId>
  readonly changed: Array<{ readonly name: string; readonly orderId: OrderId; readonly ask: Step["ask"] }>
  /** Ids of dead letters that an operator asked to leave out. */
  readonly discarded: Set<string>
  readonly toppedUp: Array<{ readonly name: string; readonly user: number; readonly amount: number }>
}

export const makeJournal = (): Journal => ({ placed: new Map(), changed: [], discarded: new Set(), toppedUp: [] })
