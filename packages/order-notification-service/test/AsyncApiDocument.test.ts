import { assert, describe, it } from "@effect/vitest"
import { ClientFrame, ServerFrame } from "@g-store/contracts/Socket.ts"
import { asyncApiDocument } from "../src/AsyncApiDocument.ts"

const document = asyncApiDocument()

/** Everything that refers to something, with what it refers to. */
const references = (node: unknown): ReadonlyArray<string> =>
  typeof node !== "object" || node === null ?
    [] :
    Object.entries(node).flatMap(([key, value]) => key === "$ref" ? [String(value)] : references(value))
const found = (reference: string): unknown =>
  reference.replace("#/", "").split("/").reduce<unknown>(
    (node, part) =>
      typeof node === "object" && node !== null ? Object.entries(node).find(([key]) => key === part)?.[1] : undefined,
    document
  )

describe("the AsyncAPI document", () => {
  it("refers to nothing that is not there", () => {
    const all = references(document)
    assert.isAbove(all.length, 50)
    for (const reference of all) {
      assert.match(reference, /^#\//)
      assert.isDefined(found(reference), reference)
    }
  })

  it("has operations whose messages are messages of their own channel, as AsyncAPI 3 wants it", () => {
    for (const { action, channel, messages } of Object.values(document.operations)) {
      assert.include(["send", "receive"], action)
      for (const { $ref } of messages) assert.isTrue($ref.startsWith(`${channel.$ref}/messages/`), $ref)
    }
  })

  it("knows every frame of the socket and every event of the topics", () => {
    const names = (operation: string) =>
      document.operations[operation]?.messages.map(({ $ref }) => $ref.slice($ref.lastIndexOf("/") + 1))
    const identifiers = (members: ReadonlyArray<{ readonly ast: { readonly annotations?: object | undefined } }>) =>
      members.map(({ ast }) => Object.entries(ast.annotations ?? {}).find(([key]) => key === "identifier")?.[1])
    assert.deepStrictEqual(names("hearClient"), identifiers(ClientFrame.members))
    assert.deepStrictEqual(names("tellClient"), identifiers(ServerFrame.members))
    assert.deepStrictEqual(names("publishOrderEvents"), ["OrderCreated", "OrderStatusChanged", "OrderCancelled"])
    assert.deepStrictEqual(names("publishPaymentEvents"), ["PaymentProcessed"])
  })

  it("gives each message the schema that it is checked with", () => {
    const cancelled = document.components.schemas["OrderCancelledFrame"]
    assert.deepStrictEqual(cancelled?.["required"], ["type", "data"])
    for (const { payload } of Object.values(document.components.messages)) {
      const schema = found(payload.$ref)
      assert.isTrue(typeof schema === "object" && schema !== null && "type" in schema && schema.type === "object")
    }
  })

  it("names the topics and the address as they are", () => {
    const addresses = Object.values(document.channels).map(({ address }) => address)
    assert.deepStrictEqual(addresses, ["/ws/orders/", "order.events", "payment.events"])
  })
})
