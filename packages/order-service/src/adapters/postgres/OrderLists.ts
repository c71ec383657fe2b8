import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { OrderStatus } from "@g-store/contracts/Order.ts"
import type { SqlClient } from "effect/sql"
import type { OrderFilter } from "../../application/OrderRepository.ts"
import type { OrderRow } from "./OrderRow.ts"

type OfUser = OrderFilter & { readonly userId: UserId }

const statuses = ({ status }: OrderFilter): ReadonlyArray<OrderStatus> =>
  status === undefined ? OrderStatus.literals : [status]

/** How many orders of a user pass the filter; reads the index alone. */
export const countOfUser = (sql: SqlClient.SqlClient, filter: OfUser) =>
  sql<{ readonly total: bigint }>`
    SELECT count(*) AS total FROM orders WHERE user_id = ${filter.userId} AND status = ANY(${statuses(filter)}::text[])`

/**
 * A user's orders older than `before`, newest first. The index by user has the statuses one after the other, so the head
 * of each is taken from it and the heads are merged: at most seven times what is asked for, however many orders there are.
 */
export const listOfUser = (
  sql: SqlClient.SqlClient,
  filter: OfUser,
  { before, limit, offset }: { readonly before?: OrderId | undefined; readonly offset: number; readonly limit: number }
) =>
  sql<OrderRow>`
    SELECT o.* FROM (
      SELECT head.id FROM unnest(${statuses(filter)}::text[]) AS s (status) CROSS JOIN LATERAL (
        SELECT id FROM orders
        WHERE user_id = ${filter.userId} AND status = s.status ${older(sql, before)}
        ORDER BY id DESC LIMIT ${offset + limit}
      ) head ORDER BY head.id DESC OFFSET ${offset} LIMIT ${limit}
    ) page JOIN orders o ON o.id = page.id ORDER BY o.id DESC`

/** Everybody's orders older than `before`, newest first, along the primary key or the index by status. */
export const listOfAll = (
  sql: SqlClient.SqlClient,
  { status }: OrderFilter,
  { before, limit }: { readonly before?: OrderId | undefined; readonly limit: number }
) =>
  sql<OrderRow>`
    SELECT * FROM orders WHERE ${status === undefined ? sql`true` : sql`status = ${status}`} ${older(sql, before)}
    ORDER BY id DESC LIMIT ${limit}`

const older = (sql: SqlClient.SqlClient, before: OrderId | undefined) =>
  before === undefined ? sql.literal("") : sql`AND id < ${before}`
