import { Clock, Effect } from "effect"

/** Servers and other processes take real time, whatever clock a test has. */
export const withRealClock = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
