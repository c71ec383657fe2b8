INSERT INTO feed (order_id, version, user_id, status, occurred_at)
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, version, ('00000000-0000-4000-8000-' || lpad(to_hex(n % :customers), 12, '0'))::uuid, CASE version WHEN 1 THEN 'PENDING' ELSE 'PAID' END, timestamptz '2025-01-01' + n * interval '1 millisecond'
  FROM generate_series(1, :count) n CROSS JOIN generate_series(1, 2) version;
INSERT INTO feed_order (order_id, user_id, status, version)
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ('00000000-0000-4000-8000-' || lpad(to_hex(n % :customers), 12, '0'))::uuid, 'PAID', 2 FROM generate_series(1, :count) n;
VACUUM ANALYZE;
CHECKPOINT
