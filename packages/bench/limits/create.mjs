// The limit of creating orders: node:http and pg, one named statement, nothing else. FROZEN: see ../README.md.
import { createServer } from "node:http"
import { Pool } from "pg"

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 16 })
const statement = `WITH o AS (
  INSERT INTO orders (id, user_id, amount, status) VALUES (gen_random_uuid(), $1, $2, 'PENDING') RETURNING id
), x AS (
  INSERT INTO outbox (aggregate_id, key, type, payload) SELECT id, id::text, 'order.created', $3 FROM o
) SELECT id FROM o`
const payload = Buffer.from(
  "0a10019a3f0c2b7e7d0e8a4b5c6d7e8f901112080110ac0218e8072205555345523128c0843d3a0b6f726465722e637265617465",
  "hex"
)

const server = createServer((request, response) => {
  let body = ""
  request.setEncoding("utf8")
  request.on("data", (chunk) => {
    body += chunk
  })
  request.on("end", () => {
    const { amount } = JSON.parse(body)
    const values = [Number(request.headers["x-user"]), amount, payload]
    pool.query({ name: "create", text: statement, values }).then(({ rows }) => {
      const answer = JSON.stringify({ orderId: rows[0].id })
      response.writeHead(201, { "content-type": "application/json", "content-length": answer.length })
      response.end(answer)
    }, () => {
      response.writeHead(500, { "content-length": 0 })
      response.end()
    })
  })
})
server.listen(Number(process.env.HTTP_PORT), "127.0.0.1", () => process.stdout.write("listening\n"))
process.once("SIGTERM", () => process.exit(0))
