import { makeMemoryStore } from "@g-store/testing/MemoryStore.ts"
import assert from "node:assert/strict"
import { after, test } from "node:test"

const store = makeMemoryStore()
after(() => store.close())

test("a cancelled order gives the money back", async () => {
  const ada = store.customer()
  const { id } = await ada.accounts.open()
  await ada.accounts.topUp(id, 1000)
  const { orderId } = await ada.orders.create({ amount: 400 })
  await store.eventually(async () => (await ada.orders.get(orderId)).status === "PAID")
  await ada.orders.cancel(orderId)
  await store.eventually(async () => (await ada.accounts.payment(orderId)).state === "REFUNDED")
  assert.equal((await ada.accounts.mine()).balance, 1000)
})
