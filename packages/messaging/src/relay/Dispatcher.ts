import { Array as Arr, Effect, FiberSet, Latch, Option, Random, type Scope } from "effect"
import { SHARDS } from "../Outbox.ts"
import type { OutboxRow, OutboxStore, Removal } from "../OutboxStore.ts"
import type { DatabaseUnavailable } from "../Transactions.ts"
import type { RelayReport } from "./RelayReport.ts"
import { answered, type ShardLeases } from "./ShardLeases.ts"
import { MARGIN_MILLIS, oneBatch, type shardPublisher } from "./ShardPublisher.ts"

export interface Polling {
  /** Milliseconds between looks while rows keep coming that nobody announced. */
  readonly shortest: number
  /** Milliseconds between looks when none do. */
  readonly longest: number
}

interface Parts {
  readonly store: OutboxStore["Service"]
  readonly leases: ShardLeases
  readonly publish: ReturnType<typeof shardPublisher>
  readonly report: RelayReport
  readonly polling: Polling
  /** The most rows of a shard that are read, and so published, at once. */
  readonly batch: number
}

/** The relay's one reader. */
export interface Dispatcher {
  /** Moves rows to the bus until interrupted. */
  readonly run: Effect.Effect<never>
  /** There may be new rows in any shard. */
  readonly look: Effect.Effect<void>
  /** Leases were renewed: shards that had too little left may go on. */
  readonly resume: Effect.Effect<void>
  /** Removes what was acknowledged. For a graceful stop, after `run`. */
  readonly flush: Effect.Effect<void, DatabaseUnavailable>
  /** Waits for the publishes in flight before that. */
  readonly drain: Effect.Effect<void, DatabaseUnavailable>
}

/** What has ended a wait. */
type Waited = "changed" | "due" | "polled"

/**
 * How long what was published waits for a read that removes it along the way. Under load there is always one; a relay that
 * dies meanwhile leaves as much more to be published twice.
 */
const REMOVAL_MILLIS = 50

/** Longer than any statement may take that the database has not forgotten. */
const ANSWER_MILLIS = 10_000

/**
 * One fiber reads and removes, for all shards with one statement; publishes run beside it, one a shard, and hold no
 * connection. A shard whose head is being published, or waits for its retry, is left out, and is read again only together
 * with the removal of that head: so nothing of it overtakes, and it holds up no other.
 */
export const makeDispatcher = (parts: Parts): Effect.Effect<Dispatcher, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { batch, leases, polling, publish, report, store } = parts
    const shards = Arr.makeBy(SHARDS, (shard) => ({ shard, busy: false, unread: true }))
    const changed = Latch.makeUnsafe(true)
    const recovered = Latch.makeUnsafe(false)
    const publishes = yield* FiberSet.make<unknown, never>()
    const retries = yield* FiberSet.make<unknown, never>()
    const acknowledged: Array<Removal> = []
    let interval = polling.longest
    let failures = 0

    const lookAgain = () => {
      for (const shard of shards) shard.unread = true
      changed.openUnsafe()
    }

    const databaseAnswered = Effect.suspend(() => {
      failures = 0
      return report.databaseAnswers("read the outbox")
    })

    /** Not longer than until the bus takes what it had refused before: it may take everything again. */
    const retry = (shard: typeof shards[number], millis: number) =>
      Effect.andThen(
        Effect.raceFirst(Effect.sleep(millis), recovered.await),
        Effect.sync(() => {
          shard.busy = false
          shard.unread = true
          changed.openUnsafe()
        })
      )

    const start = (shard: typeof shards[number], epoch: bigint, rows: ReadonlyArray<OutboxRow>) => {
      const head = oneBatch(rows)
      shard.busy = true
      // A full batch has more behind it.
      if (head.length < rows.length || rows.length >= batch) shard.unread = true
      return publish(head, shard.shard, epoch).pipe(
        Effect.flatMap((published) => {
          if ("retryAfter" in published) return FiberSet.run(retries, retry(shard, published.retryAfter))
          acknowledged.push(published.removal)
          // Free at once: whoever reads it removes what was acknowledged of it in the same step.
          shard.busy = false
          changed.openUnsafe()
          return published.recovered ? recovered.release : Effect.void
        }),
        FiberSet.run(publishes)
      )
    }

    /** Removes what was published, and reads the heads of these shards. */
    const exchange = Effect.fnUntraced(function*(from: ReadonlyArray<number>) {
      const removals = acknowledged.slice()
      const rows = yield* answered(store.exchange({ removals, shards: from, limit: batch }), ANSWER_MILLIS)
      acknowledged.splice(0, removals.length)
      yield* databaseAnswered
      return rows
    })

    /** Reads the heads of the shards that are free and sets them going. Answers how many rows it found. */
    const read = Effect.fnUntraced(function*(isDue: boolean) {
      // With too little lease for a publish, a shard waits for the next renewal.
      const epochs = yield* leases.lasting(2 * MARGIN_MILLIS)
      const ready = shards.filter(({ busy, shard, unread }) => !busy && unread && epochs.has(shard))
      if (ready.length === 0 && !(isDue && acknowledged.length > 0)) return 0
      // Before reading: rows that are committed meanwhile count as unread again.
      for (const shard of ready) shard.unread = false
      const rows = yield* Effect.tapError(exchange(ready.map(({ shard }) => shard)), () => Effect.sync(lookAgain))
      const heads = Map.groupBy(rows, ({ shard }) => shard)
      for (const shard of ready) {
        const head = heads.get(shard.shard)
        const epoch = epochs.get(shard.shard)
        if (head !== undefined && epoch !== undefined) yield* start(shard, epoch, head)
      }
      return rows.length
    })

    /** Waits for something to do, and answers what has ended the wait: something happened, or only time has passed. */
    const wait = Effect.suspend((): Effect.Effect<Waited> => {
      if (changed.isOpen()) return Effect.succeed("changed")
      if (acknowledged.length > 0) return waited(REMOVAL_MILLIS, "due")
      // Nothing can be missed while all shards are busy or another's: that they are no more is announced.
      const canPoll = leases.count() > 0 && shards.some(({ busy }) => !busy)
      return canPoll ? waited(interval, "polled") : Effect.as(changed.await, "changed")
    })
    const waited = (millis: number, then: Waited): Effect.Effect<Waited> =>
      Effect.map(Effect.timeoutOption(changed.await, millis), (seen) => Option.isSome(seen) ? "changed" : then)

    const round = Effect.fnUntraced(function*(after: Waited) {
      // Closed before looking: whatever happens from now on opens it.
      changed.closeUnsafe()
      const found = yield* read(after !== "changed")
      if (after === "polled") interval = found > 0 ? polling.shortest : Math.min(polling.longest, interval * 2)
    })

    const run = Effect.gen(function*() {
      let after: Waited = "changed"
      while (true) {
        yield* Effect.catchTag(round(after), "DatabaseUnavailable", (error) =>
          Effect.gen(function*() {
            yield* report.databaseFailed("read the outbox", error)
            const delay = Math.min(2_000, 50 * 2 ** Math.min(failures++, 10))
            yield* Effect.sleep(delay * ((yield* Random.next) / 2 + 0.5))
            lookAgain()
          }))
        after = yield* wait
        if (after === "polled") lookAgain()
      }
    })

    const flush = Effect.asVoid(exchange([]))
    return {
      // A publish fails by a bug of ours only. Its shard would stand still without a word; so all begin anew.
      run: Effect.raceFirst(run, Effect.andThen(FiberSet.join(publishes), Effect.never)),
      look: Effect.sync(lookAgain),
      resume: Effect.sync(() => void changed.openUnsafe()),
      flush,
      drain: Effect.andThen(FiberSet.awaitEmpty(publishes), flush)
    }
  })
