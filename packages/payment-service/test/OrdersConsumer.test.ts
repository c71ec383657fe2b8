import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Layer } from "effect"
import { PaymentStoreMemory } from "../src/PaymentStoreMemory.ts"
import { consumerContract } from "./consumerContract.ts"

consumerContract("memory", PaymentStoreMemory.pipe(Layer.provide(MemoryDatabase.layer)))
