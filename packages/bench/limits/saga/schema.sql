-- The tables of both services as they ship, in one database for pgbench. FROZEN: see ../../README.md.
CREATE SCHEMA o;
CREATE SCHEMA p;
CREATE TABLE o.orders (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000),
  status text NOT NULL
    CHECK (status IN ('PENDING', 'PAID', 'ASSEMBLING', 'ASSEMBLED', 'DELIVERING', 'ISSUED', 'CANCELLED')),
  description text CHECK (char_length(description) <= 500),
  cancellation_reason text,
  version integer NOT NULL CHECK (version >= 1),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL CHECK (updated_at >= created_at),
  CHECK ((status = 'CANCELLED') = (cancellation_reason IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX orders_by_user ON o.orders (user_id, status, id);
CREATE INDEX orders_by_status ON o.orders (status, id);
CREATE INDEX orders_updated_at ON o.orders USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE TABLE o.order_history (
  order_id uuid NOT NULL,
  version integer NOT NULL CHECK (version >= 1),
  status text NOT NULL,
  actor_type text NOT NULL CHECK (actor_type IN ('CUSTOMER', 'STAFF', 'PAYMENT')),
  actor_id text,
  reason text,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (order_id, version),
  CHECK ((status = 'CANCELLED') = (reason IS NOT NULL))
);
CREATE INDEX order_history_at ON o.order_history USING brin (occurred_at)
  WITH (pages_per_range = 16, autosummarize = on);
CREATE TABLE o.outbox (
  position bigint GENERATED ALWAYS AS IDENTITY,
  shard smallint NOT NULL CHECK (shard >= 0 AND shard < 16),
  message_id uuid NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  event_type text NOT NULL,
  traceparent text,
  payload bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shard, position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE p.outbox (LIKE o.outbox INCLUDING ALL)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE o.inbox (
  consumer text NOT NULL,
  message_id text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_received_at ON o.inbox USING brin (received_at) WITH (autosummarize = on);
CREATE TABLE p.inbox (LIKE o.inbox INCLUDING ALL);
CREATE TABLE p.accounts (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL UNIQUE,
  balance bigint NOT NULL CHECK (balance >= 0),
  entries integer NOT NULL CHECK (entries >= 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX accounts_updated_at ON p.accounts USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE TABLE p.ledger (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES p.accounts,
  number integer NOT NULL CHECK (number > 0),
  type text NOT NULL CHECK (type IN ('TOP_UP', 'PAYMENT', 'REFUND')),
  amount bigint NOT NULL CHECK (amount > 0),
  order_id uuid,
  balance_after bigint NOT NULL CHECK (balance_after >= 0),
  created_at timestamptz NOT NULL,
  UNIQUE (account_id, number),
  UNIQUE (order_id, type),
  CHECK ((type = 'TOP_UP') = (order_id IS NULL))
);
CREATE INDEX ledger_created_at ON p.ledger USING brin (created_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE TABLE p.payments (
  order_id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('CHARGED', 'DECLINED', 'REFUNDED', 'VOIDED')),
  amount bigint CHECK (amount > 0),
  failure_reason text,
  account_id uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (amount IS NOT NULL OR state = 'VOIDED'),
  CHECK ((state = 'DECLINED') = (failure_reason IS NOT NULL)),
  CHECK ((state IN ('CHARGED', 'REFUNDED')) = (account_id IS NOT NULL))
) WITH (fillfactor = 90);
CREATE INDEX payments_updated_at ON p.payments USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on);
INSERT INTO p.accounts (id, user_id, balance, entries, created_at, updated_at)
  SELECT gen_random_uuid(), lpad(to_hex(n), 32, '0')::uuid, 1000000000000, 0, now(), now()
  FROM generate_series(1, 190) n;
ANALYZE p.accounts;
