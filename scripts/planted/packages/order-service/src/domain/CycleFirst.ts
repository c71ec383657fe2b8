import { second } from "./CycleSecond.ts" // refused: no-cycle

export const First = () => second
