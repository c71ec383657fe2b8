// The page without the store, as a process of its own (WEB_PORT, GATEWAY_PORT): it stays while a test kills the store.
import { logging } from "@g-store/service-kit/Logging.ts"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { Layer } from "effect"
import { Web } from "../src/Web.ts"

runProcess(Web.pipe(Layer.provide(logging("web"))))
