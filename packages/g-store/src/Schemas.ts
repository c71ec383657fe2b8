import { migrations as notifications } from "@g-store/order-notification-service/migrations.ts"
import { migrations as orders } from "@g-store/order-service/adapters/migrations.ts"
import { migrations as payments } from "@g-store/payment-service/adapters/migrations.ts"
import type { MigrationRecord } from "@g-store/service-kit/Migrations.ts"
import type { DatabaseName } from "./StoreConfig.ts"

/** What brings each service's database to the schema of this version. */
export const schemas: Readonly<Record<DatabaseName, MigrationRecord>> = { orders, payments, notifications }
