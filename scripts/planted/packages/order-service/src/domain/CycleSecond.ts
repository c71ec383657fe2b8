import { First } from "./CycleFirst.ts" // refused: no-cycle

export const second = () => First
