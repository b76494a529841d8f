-- migrate:up
-- Everything that stands in the tables from the first day. Plain SQL for PostgreSQL 15 and later.
-- Three roles must exist: the one that runs this (the owner), eucora_app, eucora_keys.
-- What expires is partitioned by time; two clocks on each row (event_time of the device, received_at of the platform).
SET LOCAL lock_timeout = '4s';

DO $$ BEGIN
  IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('eucora_app', 'eucora_keys')) < 2 THEN
    RAISE EXCEPTION 'the roles eucora_app and eucora_keys do not exist'
      USING HINT = 'as a superuser: CREATE ROLE eucora_app LOGIN PASSWORD ''…''; CREATE ROLE eucora_keys LOGIN PASSWORD ''…'';';
  END IF;
END $$;

-- ── platform ────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE platform (
  one          boolean PRIMARY KEY DEFAULT true CHECK (one),
  installation uuid NOT NULL,
  epoch        integer NOT NULL DEFAULT 1 CHECK (epoch > 0),
  shards       smallint NOT NULL CHECK (shards BETWEEN 1 AND 256),
  created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform IS 'One row: which installation this is, the journal''s epoch, its fixed number of shards.';

-- ── journal ─────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE journal_shards (
  shard    smallint PRIMARY KEY,
  live     bigint NOT NULL DEFAULT 0,
  replay   bigint NOT NULL DEFAULT 0,
  received timestamptz NOT NULL DEFAULT '1970-01-01Z'
) WITH (fillfactor = 50);
COMMENT ON TABLE journal_shards IS 'The lock of a shard, its last position a lane, and the last received that it gave out.';

CREATE TABLE journal_entries (
  shard         smallint NOT NULL,
  lane          smallint NOT NULL CHECK (lane IN (0, 1)),
  position      bigint NOT NULL,
  epoch         integer NOT NULL,
  received      timestamptz NOT NULL,
  device        uuid NOT NULL,
  stream        uuid NOT NULL,
  stream_number integer NOT NULL,
  sequence      bigint NOT NULL,
  first_item    bigint NOT NULL,
  last_item     bigint NOT NULL,
  subject       uuid,
  keyid         text NOT NULL,
  signed        bytea NOT NULL,
  signature     bytea NOT NULL,
  digest        bytea NOT NULL,
  sent          text,
  verdict       bytea,
  key_no        bigint,
  body          bytea,
  PRIMARY KEY (shard, lane, position, received)
) PARTITION BY RANGE (received);
COMMENT ON TABLE journal_entries IS 'What devices signed, as it came. signed: the RFC 9421 signature base; body: nonce and ciphertext under key_no; verdict: JSON, absent when nothing is wrong; lane 0 live, 1 replay.';
-- nothing of a row can be compressed well, and most rows are small: keep them whole, in one place (see keep_partitions)
ALTER TABLE journal_entries ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN signed SET STORAGE EXTERNAL;

CREATE TABLE journal_heads (
  stream        uuid PRIMARY KEY,
  device        uuid NOT NULL,
  number        integer NOT NULL,
  last_sequence bigint NOT NULL,
  last_digest   bytea NOT NULL,
  gaps          jsonb NOT NULL DEFAULT '[]',
  last_item     bigint NOT NULL,
  joins         text NOT NULL DEFAULT 'open' CHECK (joins IN ('open', 'first', 'fits', 'lost', 'differs')),
  fork          boolean NOT NULL DEFAULT false,
  received      timestamptz NOT NULL,
  UNIQUE (device, number)
) WITH (fillfactor = 60);
COMMENT ON TABLE journal_heads IS 'The head of a stream: last sequence, its digest, and its gaps [[first, last, digest before, digest required of last], …]. joins: how its first batch fits the device''s stream before; open until that batch is here.';

CREATE TABLE journal_digests (
  stream   uuid NOT NULL,
  sequence bigint NOT NULL,
  digest   bytea NOT NULL,
  epoch    integer NOT NULL,
  shard    smallint NOT NULL,
  lane     smallint NOT NULL,
  position bigint NOT NULL,
  received timestamptz NOT NULL,
  PRIMARY KEY (stream, sequence, received)
) PARTITION BY RANGE (received);
COMMENT ON TABLE journal_digests IS 'Digests of used sequences with their receipts, kept as long as the spool''s maximum age.';

CREATE TABLE signers (
  keyid      text PRIMARY KEY,
  device     uuid NOT NULL,
  algorithm  text NOT NULL CHECK (algorithm IN ('ed25519', 'ecdsa-p256-sha256')),
  public_key bytea NOT NULL,
  state      text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'replaced', 'revoked')),
  since      timestamptz NOT NULL DEFAULT now(),
  ended      timestamptz
);
CREATE INDEX signers_device ON signers (device);
COMMENT ON TABLE signers IS 'Enrolled keys. A replaced key still verifies what was sealed under it; a revoked one does not.';

CREATE TABLE journal_keys (
  key_no       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind         text NOT NULL CHECK (kind IN ('subject', 'device')),
  owner        uuid NOT NULL,
  algorithm    text NOT NULL DEFAULT 'AES-256-GCM',
  wrapped_by   text NOT NULL,
  wrapped      bytea,
  created_at   timestamptz NOT NULL DEFAULT now(),
  destroyed_at timestamptz,
  CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
  UNIQUE (kind, owner)
);
CREATE INDEX journal_keys_destroyed ON journal_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;
COMMENT ON TABLE journal_keys IS 'A key a subject or device, wrapped by a key that lies outside the database. A destroyed key leaves its row, so that no new one is made.';

CREATE TABLE cursors (
  consumer     text NOT NULL,
  shard        smallint NOT NULL,
  lane         smallint NOT NULL,
  position     bigint NOT NULL DEFAULT 0,
  received     timestamptz NOT NULL DEFAULT '1970-01-01Z',
  lease        uuid,
  leased_until timestamptz,
  PRIMARY KEY (consumer, shard, lane)
) WITH (fillfactor = 50);

CREATE TABLE dead_letters (
  id            uuid NOT NULL,
  stream        uuid NOT NULL,
  stream_number integer NOT NULL,
  ordinal       bigint NOT NULL,
  device        uuid NOT NULL,
  subject       uuid,
  shard         smallint NOT NULL,
  lane          smallint NOT NULL,
  position      bigint NOT NULL,
  received      timestamptz NOT NULL,
  reason        text NOT NULL,
  path          text NOT NULL DEFAULT '$',
  detail        text NOT NULL DEFAULT '',
  key_no        bigint,
  body          bytea,
  count         bigint NOT NULL DEFAULT 1,
  state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'failed')),
  attempts      integer NOT NULL DEFAULT 0,
  settled_at    timestamptz,
  PRIMARY KEY (id, received)
) PARTITION BY RANGE (received);
CREATE INDEX dead_letters_device ON dead_letters (device, received DESC);
COMMENT ON TABLE dead_letters IS 'Items that could not be stored, each with its reason; id is made of stream and ordinal, so digesting again makes no second one; count: how many items a letter stands for, beyond what a device may have a day.';

-- ── archive: hot rows ───────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE shapes (
  shape  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind   text NOT NULL CHECK (kind IN ('metrics', 'lines', 'spans')),
  parts  jsonb NOT NULL,
  digest bytea NOT NULL UNIQUE
);
COMMENT ON TABLE shapes IS 'metrics: [[name, {label: value}], …] in the order of values · lines: {kind, source, severity} · spans: {name}. Never free text, never a person.';

CREATE TABLE windows (
  "window"  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  state     text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'sealed')),
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  ranges    jsonb
);
CREATE UNIQUE INDEX windows_one_open ON windows (state) WHERE state = 'open';
COMMENT ON TABLE windows IS 'Windows of arrival. A closed one never gets another row; ranges: {"shard/lane": [after, to]} of positions.';

CREATE TABLE hot_metrics (
  "window" integer NOT NULL,
  device   uuid NOT NULL,
  time     timestamptz NOT NULL,
  received timestamptz NOT NULL,
  position bigint NOT NULL,
  item     bigint NOT NULL,
  shard    smallint NOT NULL,
  lane     smallint NOT NULL,
  marks    smallint NOT NULL,
  shape    integer NOT NULL,
  "values" double precision[] NOT NULL
) PARTITION BY LIST ("window");
CREATE INDEX hot_metrics_device ON hot_metrics (device, time);
COMMENT ON TABLE hot_metrics IS 'A row a payload: all its samples. marks: bit 0 time corrected, 1 uncertain, 2 late (replay), 3 cut to received.';

CREATE TABLE hot_lines (
  "window" integer NOT NULL,
  device   uuid NOT NULL,
  time     timestamptz NOT NULL,
  received timestamptz NOT NULL,
  position bigint NOT NULL,
  item     bigint NOT NULL,
  id       uuid NOT NULL,
  subject  uuid,
  shard    smallint NOT NULL,
  lane     smallint NOT NULL,
  marks    smallint NOT NULL,
  shape    integer NOT NULL,
  count    bigint NOT NULL DEFAULT 1,
  text     text NOT NULL,
  fields   jsonb
) PARTITION BY LIST ("window");
CREATE INDEX hot_lines_device ON hot_lines (device, time);
COMMENT ON TABLE hot_lines IS 'Log lines, events, changes and crashes; which of them stands in the shape.';

CREATE TABLE hot_spans (
  "window"   integer NOT NULL,
  device     uuid NOT NULL,
  time       timestamptz NOT NULL,
  received   timestamptz NOT NULL,
  position   bigint NOT NULL,
  item       bigint NOT NULL,
  trace_id   bytea NOT NULL,
  span_id    bytea NOT NULL,
  parent_id  bytea,
  subject    uuid,
  duration_s double precision NOT NULL,
  shard      smallint NOT NULL,
  lane       smallint NOT NULL,
  marks      smallint NOT NULL,
  shape      integer NOT NULL,
  status     text NOT NULL,
  attributes jsonb
) PARTITION BY LIST ("window");
CREATE INDEX hot_spans_device ON hot_spans (device, time);
CREATE INDEX hot_spans_trace ON hot_spans (trace_id);

-- ── domain: audit ───────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE audit_events (
  position   bigint NOT NULL,
  at         timestamptz NOT NULL,
  id         uuid NOT NULL,
  actor_kind text NOT NULL CHECK (actor_kind IN ('operator', 'device', 'platform', 'anonymous')),
  actor      text NOT NULL,
  origin     text NOT NULL DEFAULT '',
  act        text NOT NULL,
  class      text NOT NULL,
  devices    uuid[] NOT NULL DEFAULT '{}',
  subject    uuid,
  purpose    text NOT NULL DEFAULT '',
  outcome    text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  detail     jsonb NOT NULL DEFAULT '{}',
  key_no     bigint,
  sealed     bytea,
  previous   bytea NOT NULL,
  digest     bytea NOT NULL,
  PRIMARY KEY (position, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_events_act ON audit_events (act, at DESC);
COMMENT ON TABLE audit_events IS 'Append-only by grants; each row holds the digest of the one before. Persons by pseudonym; personal values only in sealed, under the subject''s key.';

CREATE TABLE audit_heads (
  position  bigint PRIMARY KEY,
  digest    bytea NOT NULL,
  signed_at timestamptz NOT NULL,
  keyid     text NOT NULL,
  signature bytea NOT NULL,
  object    text NOT NULL
);

-- ── domain: devices ─────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE devices (
  device_id          uuid PRIMARY KEY,
  state              text NOT NULL DEFAULT 'enrolled' CHECK (state IN ('enrolled', 'revoked')),
  enrolled_at        timestamptz NOT NULL DEFAULT now(),
  revoked_at         timestamptz,
  key_no             bigint,
  hostname_sealed    bytea,
  hostname_pseudonym bytea,
  serial_sealed      bytea,
  serial_pseudonym   bytea,
  manufacturer       text, model text, chassis text,
  os_family          text, os_name text, os_version text, os_build text,
  architecture       text, cpu_model text, cpu_count integer, memory_bytes bigint,
  boot_time          timestamptz, timezone text, virtual text, vdi boolean,
  tpm                text, disk_encrypted boolean, firmware text,
  policy             text,
  policy_stream      integer NOT NULL DEFAULT 0,
  policy_item        bigint NOT NULL DEFAULT 0,
  order_stream       integer NOT NULL DEFAULT 0,
  order_item         bigint NOT NULL DEFAULT 0,
  event_time         timestamptz,
  received_at        timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
CREATE INDEX devices_hostname ON devices (hostname_pseudonym);
CREATE INDEX devices_serial ON devices (serial_pseudonym);
CREATE INDEX devices_model ON devices (lower(model) text_pattern_ops);
CREATE INDEX devices_os ON devices (lower(os_name) text_pattern_ops);

CREATE TABLE device_facts (
  device       uuid NOT NULL,
  attribute    text NOT NULL,
  order_stream integer NOT NULL,
  order_item   bigint NOT NULL,
  value        text,
  event_time   timestamptz NOT NULL,
  received_at  timestamptz NOT NULL,
  PRIMARY KEY (device, attribute, order_stream, order_item)
);
COMMENT ON TABLE device_facts IS 'What an attribute was said to be, and when: order-free. device_fact_intervals reads them as intervals.';
CREATE VIEW device_fact_intervals AS
  SELECT device, attribute, value, event_time AS valid_from,
         lead(event_time) OVER (PARTITION BY device, attribute ORDER BY order_stream, order_item) AS valid_to
    FROM (SELECT *, lag(value) OVER w IS DISTINCT FROM value OR lag(order_item) OVER w IS NULL AS turned
            FROM device_facts WINDOW w AS (PARTITION BY device, attribute ORDER BY order_stream, order_item)) said
   WHERE turned;

CREATE TABLE policies (
  policy     text PRIMARY KEY,
  version    integer NOT NULL UNIQUE,
  body       jsonb NOT NULL,
  signature  text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  active     boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX policies_one_active ON policies (active) WHERE active;

-- ── domain: identity ────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE users (
  user_id           uuid PRIMARY KEY,
  account_pseudonym bytea NOT NULL UNIQUE,
  account_sealed    bytea,
  key_no            bigint,
  created_at        timestamptz NOT NULL DEFAULT now(),
  erased_at         timestamptz
);
COMMENT ON TABLE users IS 'Identity records. account_pseudonym is keyed (HMAC), account_sealed is under the subject''s key.';

CREATE TABLE subjects (
  subject     uuid PRIMARY KEY,
  user_id     uuid REFERENCES users,
  provisional boolean NOT NULL DEFAULT false,
  device      uuid,
  created_at  timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz
);
CREATE INDEX subjects_user ON subjects (user_id);
COMMENT ON TABLE subjects IS 'Ids that travel. A user''s own id is one; provisional ones are made offline and resolved later.';

CREATE TABLE device_user_map (
  user_id   uuid NOT NULL REFERENCES users,
  device_id uuid NOT NULL,
  slot      smallint NOT NULL CHECK (slot BETWEEN 1 AND 15),
  mapped_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, device_id),
  UNIQUE (user_id, slot)
);
CREATE INDEX device_user_map_device ON device_user_map (device_id);
COMMENT ON TABLE device_user_map IS 'At most 15 devices a user: a slot is between 1 and 15 and taken once, whatever the race.';

CREATE TABLE sessions (
  session_id   uuid NOT NULL,
  user_id      uuid NOT NULL,
  device_id    uuid NOT NULL,
  start        timestamptz NOT NULL,
  "end"        timestamptz,
  network      text CHECK (network IN ('corp', 'home', 'public')),
  vpn          boolean,
  geo          text,
  order_stream integer NOT NULL,
  order_item   bigint NOT NULL,
  event_time   timestamptz NOT NULL,
  received_at  timestamptz NOT NULL,
  PRIMARY KEY (session_id, start)
) PARTITION BY RANGE (start);
CREATE TABLE sessions_default PARTITION OF sessions DEFAULT;
CREATE INDEX sessions_device ON sessions (device_id, start DESC);
CREATE INDEX sessions_user ON sessions (user_id, start DESC);

-- ── domain: software ────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE software_inventory (
  device       uuid NOT NULL,
  source       text NOT NULL,
  name         text NOT NULL,
  architecture text NOT NULL,
  version      text NOT NULL,
  present      boolean NOT NULL,
  signature    text,
  purl         text,
  publisher    text,
  order_stream integer NOT NULL,
  order_item   bigint NOT NULL,
  event_time   timestamptz NOT NULL,
  received_at  timestamptz NOT NULL,
  PRIMARY KEY (device, source, name, architecture, version)
);
CREATE INDEX software_inventory_name ON software_inventory (lower(name) text_pattern_ops) WHERE present;

CREATE TABLE software_state (
  device       uuid PRIMARY KEY,
  full_stream  integer NOT NULL DEFAULT 0,
  full_item    bigint NOT NULL DEFAULT 0,
  full_time    timestamptz,
  full_received timestamptz,
  order_stream integer NOT NULL DEFAULT 0,
  order_item   bigint NOT NULL DEFAULT 0,
  result       text,
  checked      boolean NOT NULL DEFAULT true,
  resync       boolean NOT NULL DEFAULT false,
  resync_asked timestamptz
);
COMMENT ON TABLE software_state IS 'Per device: order key of the newest full inventory, of the newest item, the digest it should have, whether that was compared, and whether a full one is asked for.';

-- ── operators ───────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE operators (
  operator_id uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz
);
CREATE TABLE operator_tokens (
  token_id    uuid PRIMARY KEY,
  operator_id uuid NOT NULL REFERENCES operators,
  digest      bytea NOT NULL UNIQUE,
  scopes      text[] NOT NULL,
  label       text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  revoked_at  timestamptz
);
CREATE TABLE enrolment_tokens (
  token_id   uuid PRIMARY KEY,
  made_by    text NOT NULL,
  digest     bytea NOT NULL UNIQUE,
  uses_left  integer NOT NULL CHECK (uses_left >= 0),
  label      text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);

-- ── partitions: made by the owner's functions, called by the application ────────────────────────────────────────────
CREATE FUNCTION keep_partitions(today date) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  made integer := 0; parent text; d date; part text; upto date;
BEGIN
  PERFORM pg_advisory_xact_lock(4711001);
  FOREACH parent IN ARRAY ARRAY['journal_entries', 'journal_digests'] LOOP
    FOR d IN SELECT generate_series(today - 1, today + 3, '1 day')::date LOOP
      part := format('%s_%s', parent, to_char(d, 'YYYYMMDD'));
      IF to_regclass(part) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) '
                       'WITH (toast_tuple_target = 8160)', part, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       parent, part, d::text || ' 00:00Z', (d + 1)::text || ' 00:00Z');
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  FOREACH parent IN ARRAY ARRAY['dead_letters', 'audit_events', 'sessions'] LOOP
    FOR d IN SELECT generate_series(date_trunc('month', today) - interval '1 month',
                                    date_trunc('month', today) + interval '2 months', '1 month')::date LOOP
      part := format('%s_%s', parent, to_char(d, 'YYYYMM'));
      upto := (d + interval '1 month')::date;
      IF to_regclass(part) IS NULL THEN
        CONTINUE WHEN parent = 'sessions' AND EXISTS (SELECT FROM sessions_default
          WHERE start >= (d::text || ' 00:00Z')::timestamptz AND start < (upto::text || ' 00:00Z')::timestamptz);
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       parent, part, d::text || ' 00:00Z', upto::text || ' 00:00Z');
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;
COMMENT ON FUNCTION keep_partitions IS 'Makes the partitions of the days and months around today; returns how many. Call at start and daily.';

CREATE FUNCTION drop_digests(before date) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  dropped integer := 0; part text;
BEGIN
  FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'journal_digests'::regclass
                 AND c.relname < 'journal_digests_' || to_char(least(before, current_date), 'YYYYMMDD') ORDER BY 1 LOOP
    EXECUTE format('DROP TABLE %I', part);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
COMMENT ON FUNCTION drop_digests IS 'Forgets the digests of used sequences received before a day that is past; the heads still know them as used.';

CREATE FUNCTION open_window(closing jsonb) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  opened integer; parent text; part text;
BEGIN
  PERFORM pg_advisory_xact_lock(4711002);
  UPDATE windows SET state = 'closed', closed_at = clock_timestamp(), ranges = closing WHERE state = 'open';
  INSERT INTO windows DEFAULT VALUES RETURNING "window" INTO opened;
  FOREACH parent IN ARRAY ARRAY['hot_metrics', 'hot_lines', 'hot_spans'] LOOP
    part := format('%s_%s', parent, opened);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%s)', parent, part, opened);
  END LOOP;
  RETURN opened;
END $$;
COMMENT ON FUNCTION open_window IS 'Closes the open window with its ranges and opens the next. Waits for every digest that holds the open one FOR SHARE.';

-- ── grants: the application may not rewrite history, nor see keys ───────────────────────────────────────────────────
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO eucora_app, eucora_keys;
GRANT SELECT, INSERT, UPDATE ON platform, journal_shards, journal_heads, signers, cursors, dead_letters, windows,
  devices, policies, users, subjects, sessions, software_inventory, software_state, operators, operator_tokens,
  enrolment_tokens TO eucora_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON device_user_map TO eucora_app;
GRANT SELECT, INSERT ON journal_entries, journal_digests, shapes, hot_metrics, hot_lines, hot_spans,
  audit_events, audit_heads, device_facts TO eucora_app;
GRANT SELECT ON device_fact_intervals TO eucora_app;
GRANT SELECT (key_no, kind, owner, algorithm, wrapped_by, created_at, destroyed_at) ON journal_keys TO eucora_app;
GRANT SELECT, INSERT ON journal_keys TO eucora_keys;
GRANT UPDATE (wrapped, wrapped_by, destroyed_at) ON journal_keys TO eucora_keys;
GRANT EXECUTE ON FUNCTION keep_partitions(date), drop_digests(date), open_window(jsonb) TO eucora_app;

-- migrate:down
SELECT 1;
