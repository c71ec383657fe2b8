import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Layer } from "effect"
import { FeedMemory } from "../src/FeedMemory.ts"
import { feedContract } from "./feedContract.ts"

feedContract("memory", Layer.provide(FeedMemory, MemoryDatabase.layer))
