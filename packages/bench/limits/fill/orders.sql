INSERT INTO orders (id, user_id, amount, status, version, created_at, updated_at)
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ('00000000-0000-4000-8000-' || lpad(to_hex(n % :customers), 12, '0'))::uuid, 100, 'PAID', 2, timestamptz '2025-01-01' + n * interval '1 millisecond', timestamptz '2025-01-01' + n * interval '1 millisecond'
  FROM generate_series(1, :count) n;
INSERT INTO order_history (order_id, version, status, actor_type, actor_id, occurred_at)
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, version, CASE version WHEN 1 THEN 'PENDING' ELSE 'PAID' END,
    CASE version WHEN 1 THEN 'CUSTOMER' ELSE 'PAYMENT' END,
    CASE version WHEN 1 THEN ('00000000-0000-4000-8000-' || lpad(to_hex(n % :customers), 12, '0'))::uuid::text END,
    timestamptz '2025-01-01' + n * interval '1 millisecond'
  FROM generate_series(1, :count) n CROSS JOIN generate_series(1, 2) version;
VACUUM ANALYZE;
CHECKPOINT
