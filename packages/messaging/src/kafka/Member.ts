import { Clock, Duration, Effect, FiberSet, Queue, Result, Schedule, Stream } from "effect"
import { type Consumer, PartitionAssigners } from "kafkajs"
import { type Batch, BusUnavailable, type Subscription } from "../EventBus.ts"
import { type Held, makeAssignment } from "./Assignment.ts"
import { deleteGroup } from "./deleteGroup.ts"
import { attempt, kafkaClient, MODULE } from "./KafkaClient.ts"
import type { KafkaOptions } from "./KafkaOptions.ts"
import { makePace } from "./Pace.ts"
import type { Topics } from "./Topics.ts"

/** In milliseconds: how long a fetch waits for messages, and a partition that may be read again for the next fetch. */
const MAX_WAIT = 200
const MAX_BATCH = 500
/** As many as a member may hold before some are handed over only after a pause. */
const PARTITIONS = 64
/** In milliseconds, of members that are told to join anew. None of ours needs it: handlers do not hold up the client. */
const REBALANCE_TIMEOUT = 10_000
/** In milliseconds: a fetch, which waits the longest, is answered after MAX_WAIT. */
const REQUEST_TIMEOUT = 3_000

/** A second apart: kafkajs goes on trying for about as long as a subscription may stay outside its group. */
const RETRIES = 60

/** Membership of a group for as long as the stream runs. Its end leaves the group, so others need not wait. */
export const subscribe = (
  options: KafkaOptions,
  topics: Topics,
  subscription: Subscription
): Stream.Stream<Batch, BusUnavailable> =>
  Stream.unwrap(Effect.gen(function*() {
    const ready = yield* Queue.unbounded<Held, BusUnavailable>()
    const { member, take } = yield* makeMember(options, topics, subscription, ready)
    yield* Effect.forkScoped(member)
    return Stream.fromQueue(ready).pipe(
      Stream.filterMap((held) => {
        const batch = take(held)
        return batch === undefined ? Result.failVoid : Result.succeed(batch)
      })
    )
  }))

const makeMember = Effect.fnUntraced(function*(
  options: KafkaOptions,
  topics: Topics,
  { group, maxBatch = MAX_BATCH, onAssigned = Effect.void, startAt, temporary = false, topics: names }: Subscription,
  ready: Queue.Queue<Held, BusUnavailable>
) {
  const kafka = yield* kafkaClient(options, { requestTimeout: REQUEST_TIMEOUT, retries: RETRIES })
  const clock = yield* Clock.Clock
  const sessionTimeout = Duration.toMillis(options.sessionTimeout ?? "10 seconds")
  const groupTimeout = Duration.toMillis(options.groupTimeout ?? "60 seconds")
  /** The stream fails once its handlers have come to an end, so none may wait for what cannot come. */
  const fail = (operation: string, cause: unknown) =>
    Queue.fail(ready, new BusUnavailable({ operation, cause })).pipe(
      Effect.andThen(Effect.sync(() => assignment.leave()))
    )

  const assignment = makeAssignment({
    maxBatch,
    ready: (held) => Queue.offerUnsafe(ready, held),
    pause: (topic, partition) => consumer.pause([{ topic, partitions: [partition] }]),
    resume: (topic, partition) => consumer.resume([{ topic, partitions: [partition] }]),
    stuck: ({ cause, operation }) => fail(operation, cause)
  })
  let hasJoined = false
  let hasLeft = false
  let joining = Promise.resolve()
  const consumer: Consumer = yield* Effect.acquireRelease(
    Effect.sync(() =>
      kafka.consumer({
        groupId: group,
        sessionTimeout,
        heartbeatInterval: sessionTimeout / 5,
        rebalanceTimeout: REBALANCE_TIMEOUT,
        maxWaitTimeInMs: MAX_WAIT,
        allowAutoTopicCreation: false,
        partitionAssigners: [(config) => {
          const assigner = PartitionAssigners.roundRobin(config)
          // Asked for whenever the member is about to join.
          const protocol: typeof assigner.protocol = (state) => {
            assignment.leave()
            return assigner.protocol(state)
          }
          return { ...assigner, protocol }
        }],
        // Asked after a crash that may mend itself (the coordinator is still loading). Never after we have left: kafkajs
        // would join again all the same, and hold partitions that nobody reads.
        retry: { retries: RETRIES, restartOnFailure: () => Promise.resolve(!hasLeft) }
      })
    ),
    (own) =>
      Effect.sync(() => {
        hasLeft = true
        assignment.leave()
      }).pipe(
        // A kafkajs that is about to join hears of no end, and would leave a member behind that holds partitions and reads
        // nothing. So it comes first to its end, if need be after we have.
        Effect.andThen(attempt("leave", () => joining.finally(() => own.disconnect()))),
        Effect.timeout("5 seconds"),
        Effect.catch((error) => Effect.logDebug(`left group ${group} without saying so`, error)),
        Effect.andThen(Effect.suspend(() => temporary && hasJoined ? deleteGroup(options, group) : Effect.void)),
        Effect.annotateLogs(MODULE)
      )
  )
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  const pace = yield* makePace(assignment.free)

  /** Reading begins, where the consumer keeps positions of its own at these. */
  const assigned = Effect.fnUntraced(function*(all: ReadonlyArray<Held>) {
    const list = Array.from(
      Map.groupBy(all, ({ topic }) => topic),
      ([topic, own]) => `${topic} ${own.map(({ partition }) => partition).join(",")}`
    )
    yield* Effect.logInfo(`${group} reads ${list.length === 0 ? "no partition" : list.join(" and ")}`)
    if (startAt !== undefined) {
      for (const held of all) {
        const { partition, topic } = held
        const position = yield* startAt(topic, partition)
        if (!assignment.isCurrent(held)) return
        if (position !== undefined) consumer.seek({ topic, partition, offset: String(position) })
        assignment.resume(held)
      }
    }
    yield* onAssigned
  })

  // Not heartbeats: one whose fetches are never answered joins its group again and again, and holds partitions.
  let fetchedAt = clock.currentTimeMillisUnsafe()
  const fetched = () => {
    fetchedAt = clock.currentTimeMillisUnsafe()
  }
  // A broker that fails every fetch hides behind others that answer: kafkajs then begins anew with all of them.
  const unheard = new Map<number, { readonly since: number; readonly asked: number }>()
  consumer.on(consumer.events.FETCH_START, ({ payload: { nodeId } }) => {
    const asked = clock.currentTimeMillisUnsafe()
    unheard.set(nodeId, { since: unheard.get(nodeId)?.since ?? asked, asked })
  })
  consumer.on(consumer.events.FETCH, ({ payload: { nodeId } }) => {
    unheard.delete(nodeId)
    fetched()
  })
  let settle = (): void => undefined
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    // It is a member, and so can leave, in a moment.
    setImmediate(settle)
    hasJoined = true
    if (hasLeft) return
    const all = assignment.join(payload.memberAssignment, startAt !== undefined)
    fork(
      assigned(all).pipe(
        Effect.annotateLogs(MODULE),
        Effect.catchCause((cause) => Effect.asVoid(Queue.failCause(ready, cause)))
      )
    )
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    assignment.leave()
    settle()
    if (payload.restart) joining = new Promise((resolve) => settle = resolve)
    fork(
      payload.restart
        ? Effect.annotateLogs(Effect.logWarning(`${group} joins again after a crash: ${payload.error.message}`), MODULE)
        : fail("consume", payload.error)
    )
  })

  const connected = topics.ensure(names).pipe(
    Effect.andThen(attempt("connect", () => consumer.connect())),
    Effect.andThen(attempt("subscribe", () => consumer.subscribe({ topics: [...names], fromBeginning: true })))
  )
  const joined = attempt("join", () => {
    joining = consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS,
      eachBatch: (payload) => {
        assignment.read(payload)
        return pace()
      }
    })
    return joining
  })
  const watched = Effect.suspend(() => {
    const now = clock.currentTimeMillisUnsafe()
    // One that is asked no more has left the cluster.
    const since = Array.from(unheard.values()).filter(({ asked }) => now - asked < groupTimeout).map((one) => one.since)
    const silence = now - Math.min(fetchedAt, ...since)
    return silence > groupTimeout
      ? fail("consume", new Error(`nothing was fetched as a member of ${group} for ${Math.round(silence / 1_000)} s`))
      : Effect.void
  }).pipe(Effect.delay(groupTimeout / 10), Effect.forever)

  const member = Effect.gen(function*() {
    yield* patiently(connected, `${group} waits for Kafka at ${options.brokers.join(",")}`)
    fetched()
    yield* Effect.forkChild(watched)
    yield* joined
    return yield* Effect.never
  }).pipe(
    Effect.annotateLogs(MODULE),
    Effect.catchCause((cause) => Queue.failCause(ready, cause))
  )
  return { member, take: assignment.take }
})

/** Tries until it works, and says each reason why it does not once. */
const patiently = <A>(self: Effect.Effect<A, BusUnavailable>, waiting: string): Effect.Effect<A> =>
  Effect.suspend(() => {
    const said = new Set<string>()
    return self.pipe(
      Effect.tapError(({ cause }) => {
        const reason = cause instanceof Error ? cause.message : String(cause)
        if (said.has(reason)) return Effect.void
        said.add(reason)
        return Effect.logWarning(`${waiting}: ${reason}`)
      }),
      Effect.retry(Schedule.spaced("1 second")),
      Effect.orDie
    )
  })
