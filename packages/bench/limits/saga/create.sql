\set u random(1, 190)
WITH stored AS (
  INSERT INTO o.orders (id, user_id, amount, status, version, created_at, updated_at)
  VALUES (uuidv7(), lpad(to_hex(:u::int), 32, '0')::uuid, 1000, 'PENDING', 1, now(), now()) RETURNING id, user_id
), history AS (
  INSERT INTO o.order_history (order_id, version, status, actor_type, actor_id, occurred_at)
  SELECT id, 1, 'PENDING', 'CUSTOMER', user_id, now() FROM stored
)
INSERT INTO o.outbox (shard, message_id, topic, key, event_type, traceparent, payload)
SELECT abs(hashtext(id::text)) % 16, uuidv7(), 'order.events', id::text, 'OrderCreated', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', decode('0a2430313930303030302d303030302d373030302d383030302d30303030303030303030303012243031393030303030', 'hex')
FROM stored;
