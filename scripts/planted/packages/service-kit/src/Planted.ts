import { Caller } from "@g-store/contracts/Actor.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts" // refused: no-restricted-imports
import { Store } from "@g-store/testing/Store.ts" // refused: no-restricted-imports

export const used = [Caller, Outbox, Orders, Store]
