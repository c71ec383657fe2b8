import { NodeRuntime } from "@effect/platform-node" // refused: no-restricted-imports
import { OrderId } from "@g-store/contracts/Ids.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { Server } from "@g-store/service-kit/Server.ts"
import { Accounts } from "@g-store/payment-service/application/Accounts.ts" // refused: no-restricted-imports
import { Feed } from "@g-store/order-notification-service/Feed.ts" // refused: no-restricted-imports
import { Token } from "@g-store/identity-service/Token.ts" // refused: no-restricted-imports
import { EmbeddedPostgres } from "@g-store/postgres/EmbeddedPostgres.ts" // refused: no-restricted-imports
import { Store } from "@g-store/testing/Store.ts" // refused: no-restricted-imports
import { StoreClient } from "@g-store/client/StoreClient.ts" // refused: no-restricted-imports
import { main } from "@g-store/g-store/main.ts" // refused: no-restricted-imports
import { world } from "@g-store/simulation/world.ts" // refused: no-restricted-imports
import { Account } from "../../payment-service/src/domain/Account.ts" // refused: no-restricted-imports

export const used = [NodeRuntime, OrderId, Outbox, Server, Accounts, Feed, Token, EmbeddedPostgres, Store, StoreClient, main, world, Account]
