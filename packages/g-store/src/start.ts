import { logging } from "@g-store/service-kit/Logging.ts"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { tracing } from "@g-store/service-kit/Tracing.ts"
import { Layer } from "effect"
import { AllInOne } from "./AllInOne.ts"

runProcess(AllInOne.pipe(Layer.provide(logging("g-store")), Layer.provide(tracing("g-store"))))
