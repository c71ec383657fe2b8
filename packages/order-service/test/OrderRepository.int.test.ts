import { contract } from "./contract.ts"
import { PostgresStore } from "./stores.ts"

contract("OrderRepositoryPostgres", PostgresStore)
