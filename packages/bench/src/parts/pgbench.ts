import { Effect, Redacted, Schema } from "effect"
import { clientOf, Ground, runScript } from "../Ground.ts"
import { limitFile, limitText } from "../Limits.ts"
import { program } from "../Program.ts"

/** Without pgbench there is nothing to be a ratio to. */
export class PgbenchMissing extends Schema.TaggedError<PgbenchMissing>()("PgbenchMissing", {}) {
  override get message(): string {
    return "pgbench is not there: install PostgreSQL's contributed programs "
      + "(Debian and Ubuntu: apt-get install postgresql-contrib; macOS: brew install postgresql)"
  }
}

const CLIENTS = 16

/** Sagas a second of the statements alone: single creates, consumers a hundred at a time. */
export const pgbenchSagas = Effect.gen(function*() {
  const { database } = yield* Ground
  yield* Effect.scoped(Effect.flatMap(program({ command: "pgbench", args: ["--version"] }), ({ output }) => output))
    .pipe(
      Effect.mapError(() => new PgbenchMissing())
    )
  const url = yield* database("sagas")
  yield* runScript(url, yield* limitText("saga/schema.sql"))
  const sql = yield* clientOf(url)
  const { hostname, password, pathname, port, username } = new URL(Redacted.value(url))
  const paid = sql<{ count: bigint }>`SELECT count(*) AS count FROM o.orders WHERE status = 'PAID'`.pipe(
    Effect.map(([row]) => Number(row?.count ?? 0))
  )
  return Effect.fnUntraced(function*(seconds: number) {
    const before = yield* paid
    const bench = yield* program({
      command: "pgbench",
      args: `-h ${hostname} -p ${port} -U ${username} -n -M prepared -j 2 -c ${CLIENTS} -T ${Math.ceil(seconds)}`.split(
        " "
      )
        .concat(
          "-f",
          `${limitFile("saga/create.sql")}@100`,
          "-f",
          `${limitFile("saga/consume.sql")}@1`,
          pathname.slice(1)
        ),
      env: { PGPASSWORD: decodeURIComponent(password) }
    })
    yield* bench.output
    return ((yield* paid) - before) / Math.ceil(seconds)
  }, Effect.scoped)
})
