import { TransactionsPostgres } from "@g-store/messaging/postgres/TransactionsPostgres.ts"
import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { migrate } from "@g-store/service-kit/Migrations.ts"
import { Layer, References } from "effect"
import { FeedPostgres } from "../src/FeedPostgres.ts"
import { migrations } from "../src/migrations.ts"
import { feedContract } from "./feedContract.ts"

const Database = Layer.effectDiscard(migrate(migrations)).pipe(
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn")),
  Layer.provideMerge(TestDatabase)
)

feedContract("PostgreSQL", Layer.merge(FeedPostgres, TransactionsPostgres).pipe(Layer.provide(Database)))
