import { paymentsContract } from "./paymentsContract.ts"
import { PostgresStore } from "./stores.ts"

paymentsContract("PostgreSQL", PostgresStore)
