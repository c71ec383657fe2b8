import { Effect } from "effect"
import { type EmbeddedPostgresError, embeddedPostgresError } from "./EmbeddedPostgresError.ts"

/** What the store relies on. Nobody may change these: an acknowledged order is on the disk, and only this machine gets in. */
const fixed = {
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  listen_addresses: "127.0.0.1",
  // Reached over TCP only: a socket's path may have 107 bytes, and a data folder's more.
  unix_socket_directories: "",
  timezone: "UTC",
  log_timezone: "UTC"
}

/** For one store on a laptop: small transactions by the thousand, few connections, little memory, quick to start. */
const tuned = {
  max_connections: "100",
  shared_buffers: "128MB",
  // Nobody replicates this server, so an idle one writes nothing.
  wal_level: "minimal",
  max_wal_senders: "0",
  // Bounds what has to be replayed after a crash, and so how long the next start takes.
  max_wal_size: "512MB",
  min_wal_size: "80MB",
  // Outbox and inbox rows come and go; their tables stay small only when they are cleaned often.
  autovacuum_naptime: "15s",
  autovacuum_max_workers: "2",
  autovacuum_vacuum_scale_factor: "0.1",
  autovacuum_analyze_scale_factor: "0.05",
  random_page_cost: "1.1",
  // Helpers that only large queries would use; without them there are fewer processes to start and to keep.
  jit: "off",
  io_method: "sync",
  max_parallel_workers_per_gather: "0",
  max_parallel_maintenance_workers: "0",
  max_logical_replication_workers: "0",
  log_checkpoints: "off"
}

/** PostgreSQL's arguments for the tuned settings, changed by `wishes`, and for the fixed ones. */
export const settingsArguments = (
  dataDir: string,
  wishes: Readonly<Record<string, string>>
): Effect.Effect<ReadonlyArray<string>, EmbeddedPostgresError> => {
  const refused = Object.keys(wishes).find((name) => name.toLowerCase() in fixed || name.toLowerCase() === "port")
  if (refused !== undefined) return Effect.fail(embeddedPostgresError("SettingRefused", dataDir, refused))
  return Effect.succeed(
    Object.entries({ ...tuned, ...wishes, ...fixed }).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  )
}
