import { Deferred, Effect, Exit, Schema } from "effect"
import { fork } from "node:child_process"
import * as path from "node:path"
import { NotKept } from "../chaos/NotKept.ts"
import { FromFollowers, type ToFollowers } from "./Messages.ts"

const decode = Schema.decodeUnknownSync(FromFollowers)
type Judged = Extract<FromFollowers, { readonly type: "judged" }>

/** A process of clients (followers.ts) until the scope ends. */
export const followerProcess = Effect.gen(function*() {
  const following = yield* Deferred.make<void, NotKept>()
  const judged = yield* Deferred.make<Judged, NotKept>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(path.join(import.meta.dirname, "followers.ts"), { stdio: ["ignore", "ignore", "inherit", "ipc"] })
    ),
    (own) => Effect.sync(() => own.kill("SIGKILL"))
  )
  child.on("message", (raw) => {
    const message = decode(raw)
    if (message.type === "following") Deferred.doneUnsafe(following, Exit.void)
    else Deferred.doneUnsafe(judged, Exit.succeed(message))
  })
  child.on("exit", (code) => {
    const failed = Exit.fail(new NotKept({ reason: `a process of clients ended with ${code}` }))
    Deferred.doneUnsafe(following, failed)
    Deferred.doneUnsafe(judged, failed)
  })
  const tell = (message: ToFollowers) => Effect.sync(() => void child.send(message))
  return { tell, following: Deferred.await(following), judged: Deferred.await(judged) }
})
