import { OrderId } from "@g-store/contracts/Ids.ts" // refused: no-restricted-imports

export const used = [OrderId]
