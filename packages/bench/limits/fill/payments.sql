INSERT INTO accounts (id, user_id, balance, entries, created_at, updated_at)
  SELECT ('00000000-0000-4000-9000-' || lpad(to_hex(u), 12, '0'))::uuid,
    ('00000000-0000-4000-8000-' || lpad(to_hex(u), 12, '0'))::uuid,
    1000000000000 - 100 * count(n)::bigint, 1 + count(n), timestamptz '2024-12-31', timestamptz '2025-02-01'
  FROM generate_series(0, :customers - 1) u LEFT JOIN generate_series(1, :count) n ON n % :customers = u
  GROUP BY u;
INSERT INTO ledger (id, account_id, number, type, amount, balance_after, created_at)
  SELECT ('00000000-0000-4000-a000-' || lpad(to_hex(u), 12, '0'))::uuid,
    ('00000000-0000-4000-9000-' || lpad(to_hex(u), 12, '0'))::uuid, 1, 'TOP_UP', 1000000000000, 1000000000000,
    timestamptz '2024-12-31'
  FROM generate_series(0, :customers - 1) u;
INSERT INTO ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-b000-' || lpad(to_hex(n), 12, '0'))::uuid,
    ('00000000-0000-4000-9000-' || lpad(to_hex(n % :customers), 12, '0'))::uuid, k + 1, 'PAYMENT', 100,
    (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1000000000000 - 100 * k, timestamptz '2025-01-01' + n * interval '1 millisecond'
  FROM (
    SELECT n, CASE n % :customers WHEN 0 THEN n / :customers ELSE n / :customers + 1 END::bigint AS k
    FROM generate_series(1, :count) n
  ) AS numbered;
INSERT INTO payments (order_id, user_id, state, amount, account_id, created_at, updated_at)
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ('00000000-0000-4000-8000-' || lpad(to_hex(n % :customers), 12, '0'))::uuid, 'CHARGED', 100,
    ('00000000-0000-4000-9000-' || lpad(to_hex(n % :customers), 12, '0'))::uuid, timestamptz '2025-01-01' + n * interval '1 millisecond', timestamptz '2025-01-01' + n * interval '1 millisecond'
  FROM generate_series(1, :count) n;
VACUUM ANALYZE;
CHECKPOINT
