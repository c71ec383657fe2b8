import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Layer } from "effect"
import { PaymentStoreMemory } from "../src/PaymentStoreMemory.ts"
import { storeContract } from "./storeContract.ts"

storeContract("memory", PaymentStoreMemory.pipe(Layer.provide(MemoryDatabase.layer)))
