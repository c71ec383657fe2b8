import { DateTime } from "effect"
import { ReplayStore } from "../ReplayStore.ts"
import {
  changeLetter,
  countOf,
  deadLetter,
  type DeadLetterRow,
  gateLock,
  gateOf,
  isUnsettled,
  letterLock,
  pair,
  type ParkedKeyRow,
  parkedMessageKey,
  type ParkedMessageRow,
  putGate,
  putLetter,
  waitingOf
} from "./inboxRows.ts"
import type { MemoryDatabase } from "./MemoryDatabase.ts"

export const replayStoreMemory = (database: MemoryDatabase["Service"]): ReplayStore["Service"] =>
  ReplayStore.of({
    errands: (consumer) =>
      database.statement("replay errands", [], (rows) => {
        const letters = rows.scan<DeadLetterRow>(
          "dead_letter",
          (row) => row.consumer === consumer && row.state.endsWith("requested")
        )
        const gates = rows.scan<ParkedKeyRow>("parked_key", (row) => row.consumer === consumer && row.draining)
        return [
          ...letters.map(({ id, message }) => ({ letterId: id, key: message.key })),
          ...gates.map(({ key, letterId }) => ({ letterId, key }))
        ].toSorted((a, b) => a.letterId < b.letterId ? -1 : a.letterId > b.letterId ? 1 : 0)
      }),
    lockGate: (consumer, key) =>
      database.statement("replay lock gate", [gateLock(consumer, key)], (rows) => gateOf(rows, consumer, key)),
    lockLetter: (letterId) =>
      database.statement("replay lock letter", [letterLock(letterId)], (rows) => {
        const row = rows.get<DeadLetterRow>("dead_letter", letterId)
        return row === undefined ? undefined : deadLetter(rows, row)
      }),
    settle: (letterId, state) =>
      database.statement(
        "replay settle",
        [letterLock(letterId)],
        (rows) => changeLetter(rows, letterId, (row) => ({ ...row, state }))
      ),
    reopen: (letterId, { at, attempts, reason }) =>
      database.statement("replay reopen", [letterLock(letterId)], (rows) =>
        changeLetter(rows, letterId, (row) => ({
          ...row,
          state: "open",
          reason,
          attempts: row.attempts + attempts,
          lastFailedAt: DateTime.toEpochMillis(at)
        }))),
    drain: (consumer, key) =>
      database.statement("replay drain", [gateLock(consumer, key)], (rows) => {
        const gate = gateOf(rows, consumer, key)
        if (gate !== undefined) putGate(rows, { ...gate, draining: true })
      }),
    waiting: (consumer, key, limit) =>
      database.statement("replay waiting", [], (rows) => waitingOf(rows, consumer, key).slice(0, limit)),
    release: (consumer, key, sequences) =>
      database.statement("replay release", [], (rows) => {
        for (const sequence of sequences) rows.remove("parked_message", parkedMessageKey(consumer, key, sequence))
      }),
    replaceLetter: (consumer, key, letter) =>
      database.statement("replay replace letter", [gateLock(consumer, key)], (rows) => {
        putLetter(rows, consumer, letter)
        putGate(rows, { consumer, key, letterId: letter.id, draining: false })
      }),
    openGate: (consumer, key) =>
      database.statement("replay open gate", [gateLock(consumer, key)], (rows) => {
        // As the foreign key of the SQL table has it.
        if (waitingOf(rows, consumer, key).length > 0) throw new Error(`messages wait behind the gate of ${key}`)
        rows.remove("parked_key", pair(consumer, key))
      }),
    heldBack: (consumer, after, limit) =>
      database.statement("replay held back", [], (rows) => {
        const letters = rows.scan<DeadLetterRow>("dead_letter", (row) => row.consumer === consumer && isUnsettled(row))
        const waiting = rows.scan<ParkedMessageRow>("parked_message", (row) => row.consumer === consumer)
        return [
          ...letters.map((row) => ({ ...row, place: `letter/${row.id}` })),
          ...waiting.map((row) => ({ ...row, place: `waiting/${String(row.sequence).padStart(20, "0")}` }))
        ].filter(({ place }) => place > after).toSorted((a, b) => a.place < b.place ? -1 : 1).slice(0, limit)
      }),
    closedGates: (consumer, among) =>
      database.statement("replay gates", [], (rows) => {
        const gates = rows.scan<ParkedKeyRow>("parked_key", (row) => row.consumer === consumer)
        return new Set(gates.map(({ key }) => key).filter((key) => among === undefined || among.includes(key)))
      }),
    count: (consumer) =>
      database.statement(
        "replay count",
        [],
        (rows) => countOf(rows, consumer)[0] ?? { letters: 0, parkedKeys: 0, waiting: 0 }
      )
  })
