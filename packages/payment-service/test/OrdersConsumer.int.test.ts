import { consumerContract } from "./consumerContract.ts"
import { PaymentStoreTest } from "./postgres.ts"

consumerContract("PostgreSQL", PaymentStoreTest)
