import {
  authMode,
  DEVELOPMENT_STAFF_API_KEY,
  environment,
  host,
  retentionInboxFault,
  staffApiKey
} from "@g-store/service-kit/ServiceConfig.ts"
import { Config, Effect, Option, Redacted } from "effect"
import { passUserId } from "./Gateway.ts"
import { databaseVariables } from "./StoreConfig.ts"

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** What an operator probably did not mean, one line each. `issuing`: this process gives tokens to whoever asks. */
export const warnings = (issuing: boolean) =>
  Effect.gen(function*() {
    const found: Array<string> = []
    const single = yield* Config.option(Config.String("DATABASE_URL"))
    if (Option.isSome(single) && single.value.trim() !== "") {
      found.push(
        "DATABASE_URL is not read here, it is for one service alone. "
          + `The store reads ${Object.values(databaseVariables).join(", ")}; what is unset is embedded.`
      )
    }
    if ((yield* authMode) === "trusted-header" && !(yield* passUserId)) {
      const mend = (yield* environment) === "production"
        ? "Set AUTH_MODE=jwt, or run the services behind a gateway of your own."
        : "Set GATEWAY_PASS_USER_ID=true, which is for development alone, or AUTH_MODE=jwt."
      found.push(
        `AUTH_MODE=trusted-header serves no customer here: the store's own gateway deletes X-User-ID. ${mend}`
      )
    }
    const forgetful = yield* retentionInboxFault
    if (forgetful !== undefined) found.push(`RETENTION_INBOX: ${forgetful}; GSTORE_ENV=production refuses it.`)
    const address = yield* host
    if (issuing && !loopback.test(address)) {
      const key = Redacted.value(yield* staffApiKey) === DEVELOPMENT_STAFF_API_KEY
        ? " STAFF_API_KEY is still the development default, so anybody can be staff, too."
        : ""
      found.push(
        `DANGER: HOST=${address} lets other machines in, and the development identity provider gives anybody a token for `
          + `any user.${key} Unset HOST, or name a real provider (AUTH_JWKS_URL, AUTH_ISSUER).`
      )
    }
    return found
  })
