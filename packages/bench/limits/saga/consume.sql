WITH head AS (
  SELECT shard, position FROM o.outbox ORDER BY shard, position LIMIT 200 FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM o.outbox x USING head WHERE x.shard = head.shard AND x.position = head.position
  RETURNING x.message_id, x.key, x.event_type
)
SELECT coalesce(array_agg(message_id) FILTER (WHERE event_type = 'OrderCreated'), '{}') AS messages,
  coalesce(array_agg(key::uuid) FILTER (WHERE event_type = 'OrderCreated'), '{}') AS orders FROM gone \gset
WITH message AS MATERIALIZED (
  SELECT m.id, m.order_id, lpad(to_hex(1 + (random() * 189)::int), 32, '0')::uuid AS user_id
  FROM unnest(:messages::uuid[], :orders::uuid[]) AS m (id, order_id)
), fresh AS (
  INSERT INTO p.inbox (consumer, message_id)
  SELECT 'g-store.payment-service', id::text FROM message ORDER BY id ON CONFLICT DO NOTHING RETURNING message_id
), locked AS MATERIALIZED (
  SELECT a.id, a.user_id, a.balance, a.entries FROM p.accounts a
  WHERE a.user_id IN (SELECT user_id FROM message) ORDER BY a.id FOR UPDATE
), entry AS MATERIALIZED (
  SELECT m.order_id, m.user_id, l.id AS account_id,
    l.entries + row_number() OVER w AS number, l.balance - 1000 * row_number() OVER w AS balance_after
  FROM message m JOIN fresh f ON f.message_id = m.id::text JOIN locked l ON l.user_id = m.user_id
  WINDOW w AS (PARTITION BY l.id ORDER BY m.id)
), moved AS (
  UPDATE p.accounts a SET balance = s.balance, entries = s.entries, updated_at = now()
  FROM (SELECT account_id, min(balance_after) AS balance, max(number) AS entries FROM entry GROUP BY account_id) s
  WHERE a.id = s.account_id
), decided AS (
  INSERT INTO p.payments (order_id, user_id, state, amount, account_id, created_at, updated_at)
  SELECT order_id, user_id, 'CHARGED', 1000, account_id, now(), now() FROM entry ORDER BY order_id
), booked AS (
  INSERT INTO p.ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
  SELECT uuidv7(), account_id, number, 'PAYMENT', 1000, order_id, balance_after, now() FROM entry
)
INSERT INTO p.outbox (shard, message_id, topic, key, event_type, traceparent, payload)
SELECT abs(hashtext(order_id::text)) % 16, uuidv7(), 'payment.events', order_id::text, 'PaymentProcessed', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', decode('0a2430313930303030302d303030302d373030302d383030302d30303030303030303030303012243031393030303030', 'hex')
FROM entry;
WITH head AS (
  SELECT shard, position FROM p.outbox ORDER BY shard, position LIMIT 100 FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM p.outbox x USING head WHERE x.shard = head.shard AND x.position = head.position
  RETURNING x.message_id, x.key
)
SELECT coalesce(array_agg(message_id), '{}') AS messages, coalesce(array_agg(key::uuid), '{}') AS orders FROM gone \gset
WITH message AS MATERIALIZED (
  SELECT m.id, m.order_id FROM unnest(:messages::uuid[], :orders::uuid[]) AS m (id, order_id)
), fresh AS (
  INSERT INTO o.inbox (consumer, message_id)
  SELECT 'g-store.order-service', id::text FROM message ORDER BY id ON CONFLICT DO NOTHING RETURNING message_id
), locked AS MATERIALIZED (
  SELECT x.id, x.version FROM o.orders x JOIN message m ON m.order_id = x.id JOIN fresh f ON f.message_id = m.id::text
  WHERE x.status = 'PENDING' ORDER BY x.id FOR UPDATE OF x
), changed AS (
  UPDATE o.orders x SET status = 'PAID', version = l.version + 1, updated_at = now() FROM locked l WHERE x.id = l.id
), history AS (
  INSERT INTO o.order_history (order_id, version, status, actor_type, occurred_at)
  SELECT id, version + 1, 'PAID', 'PAYMENT', now() FROM locked
)
INSERT INTO o.outbox (shard, message_id, topic, key, event_type, traceparent, payload)
SELECT abs(hashtext(id::text)) % 16, uuidv7(), 'order.events', id::text, 'OrderStatusChanged', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', decode('0a2430313930303030302d303030302d373030302d383030302d30303030303030303030303012243031393030303030', 'hex')
FROM locked;
