import { create } from "@bufbuild/protobuf"
import { timestampNow } from "@bufbuild/protobuf/wkt"
import { Schema } from "effect"
import { createEcmaScriptPlugin } from "@bufbuild/protoplugin" // refused: no-restricted-imports
import { PgClient } from "@effect/sql-pg/PgClient" // refused: no-restricted-imports
import { Outbox } from "@g-store/messaging/Outbox.ts" // refused: no-restricted-imports
import { Kafka } from "kafkajs" // refused: no-restricted-imports

export const used = [create, timestampNow, Schema, createEcmaScriptPlugin, PgClient, Outbox, Kafka]
