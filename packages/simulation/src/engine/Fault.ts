/** Which request a fault strikes: the nth that the process sends (as drawn), or the nth of that name (as printed). */
export type Aim = { readonly io: number } | { readonly request: string; readonly nth: number }

/** What can happen to one request. */
export type RequestFault =
  & { readonly process: string }
  & Aim
  & (
    /** The process dies just before or just after the server did what was asked; it starts again `down` ms later. */
    | { readonly _tag: "CrashAtRequest"; readonly applied: boolean; readonly down: number }
    /** Never arrives; or arrives, but its answer does not. The caller learns after a while that nothing came. */
    | { readonly _tag: "LostRequest" | "LostReply" }
    /** Arrives twice, as a producer's own retry does. Publishes only. */
    | { readonly _tag: "Duplicate" }
    /** Some partitions take their part of a publish, others do not, and the producer hears of a failure. */
    | { readonly _tag: "PartialPublish" }
    /** Arrives `ms` late, also when the caller has given up or died meanwhile. */
    | { readonly _tag: "Slow"; readonly ms: number }
  )

/** What happens at a time: `at` in virtual ms since the beginning. */
export type TimedFault =
  & { readonly at: number }
  & (
    | { readonly _tag: "CrashAtTime"; readonly process: string; readonly down: number }
    /** SIGTERM: finalizers run for a while; then it is killed. */
    | { readonly _tag: "Stop"; readonly process: string; readonly down: number }
    /** Nothing of the process runs; it does not know. */
    | { readonly _tag: "Pause"; readonly process: string; readonly ms: number }
    /** The server refuses everybody, and has forgotten all sessions. */
    | { readonly _tag: "Outage"; readonly server: string; readonly ms: number }
    /** Every answer of the server takes so much longer. */
    | { readonly _tag: "SlowServer"; readonly server: string; readonly ms: number; readonly delay: number }
    /** Nothing passes between the two, either way. */
    | { readonly _tag: "Partition"; readonly process: string; readonly server: string; readonly ms: number }
    | { readonly _tag: "Rebalance"; readonly group: string }
    /** A subscriber's socket breaks; `told` says whether the server learns of it at once. */
    | { readonly _tag: "SocketDrop"; readonly process: string; readonly told: boolean }
    /** The process's wall clock moves by `ms`, which may be negative. */
    | { readonly _tag: "ClockJump"; readonly process: string; readonly ms: number }
  )

/** A fault is data: a plan of them can be printed, replayed and shrunk. */
export type Fault = RequestFault | TimedFault

export const isTimed = (fault: Fault): fault is TimedFault => "at" in fault

export const showFault = (fault: Fault): string => {
  const { _tag, ...rest } = fault
  return `${_tag} ${Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" ")}`
}
