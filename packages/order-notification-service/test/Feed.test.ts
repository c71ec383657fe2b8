import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { TransactionsMemory } from "@g-store/messaging/memory/TransactionsMemory.ts"
import { Layer } from "effect"
import { FeedMemory } from "../src/FeedMemory.ts"
import { feedContract } from "./feedContract.ts"

feedContract("memory", Layer.merge(FeedMemory, TransactionsMemory).pipe(Layer.provide(MemoryDatabase.layer)))
