import { EventBusMemory } from "../src/memory/EventBusMemory.ts"
import { eventBusConformance } from "./EventBusConformance.ts"

eventBusConformance("EventBusMemory", (groups) => EventBusMemory.layer({ groups }))
