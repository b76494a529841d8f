-- name: add_operator
-- a named operator; nothing when the name is taken
INSERT INTO operators (operator_id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING
RETURNING operator_id

-- name: operator_named
-- by name
SELECT operator_id, name, created_at, disabled_at FROM operators WHERE name = $1

-- name: operators_after
-- by name, a page at a time
SELECT operator_id, name, created_at, disabled_at FROM operators WHERE name > $1 ORDER BY name LIMIT $2

-- name: disable_operator
-- all tokens of a disabled operator are refused
UPDATE operators SET disabled_at = $2 WHERE operator_id = $1 AND disabled_at IS NULL RETURNING operator_id

-- name: add_token
-- a token by its digest
INSERT INTO operator_tokens (token_id, operator_id, digest, scopes, label, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: token_by_digest
-- who holds the token of this digest, and whether it is still good
SELECT t.token_id, t.operator_id, o.name, t.scopes, t.expires_at, t.revoked_at, o.disabled_at
  FROM operator_tokens t JOIN operators o USING (operator_id) WHERE t.digest = $1

-- name: tokens_after
-- every token without its secret, oldest first
SELECT t.token_id, o.name AS operator, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at
  FROM operator_tokens t JOIN operators o USING (operator_id)
 WHERE t.token_id > $1 ORDER BY t.token_id LIMIT $2

-- name: revoke_token
-- at once and for good
UPDATE operator_tokens SET revoked_at = $2 WHERE token_id = $1 AND revoked_at IS NULL RETURNING token_id

-- name: add_enrolment_token
-- an enrolment token by its digest
INSERT INTO enrolment_tokens (token_id, made_by, digest, uses_left, label, created_at, expires_at, site, simulated)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: enrolment_tokens_after
-- every enrolment token without its secret, oldest first
SELECT token_id, made_by, label, site, simulated, uses_left, created_at, expires_at, revoked_at
  FROM enrolment_tokens WHERE token_id > $1 ORDER BY token_id LIMIT $2

-- name: revoke_enrolment_token
-- at once and for good
UPDATE enrolment_tokens SET revoked_at = $2 WHERE token_id = $1 AND revoked_at IS NULL RETURNING token_id

-- name: positions
-- what was appended and what was digested, a place a row
SELECT s.shard, l.lane, CASE l.lane WHEN 0 THEN s.live ELSE s.replay END AS tip, s.received AS tip_received,
       COALESCE(c.position, 0) AS position, c.received, c.leased_until
  FROM journal_shards s CROSS JOIN (VALUES (0), (1)) l(lane)
  LEFT JOIN cursors c ON c.consumer = 'pipeline' AND c.shard = s.shard AND c.lane = l.lane
 ORDER BY s.shard, l.lane

-- name: counts
-- numbers that stand on the status page
SELECT p.installation, p.epoch, pg_database_size(current_database()) AS database_bytes,
       current_setting('server_version') AS server,
       (SELECT count(*) FROM journal_heads WHERE fork) AS forks,
       (SELECT coalesce(sum(count), 0)::bigint FROM dead_letters WHERE state = 'open') AS dead_letters,
       (SELECT "window" FROM windows WHERE state = 'open') AS "window",
       (SELECT opened_at FROM windows WHERE state = 'open') AS window_opened_at,
       (SELECT count(*) FROM windows WHERE state = 'closed') AS windows_closed,
       (SELECT max(position) FROM audit_heads) AS audit_signed
  FROM platform p

-- name: streams_of
-- what was heard of a device, a stream a row, and what has not arrived
SELECT stream, number, last_sequence, gaps, fork, received FROM journal_heads WHERE device = $1 ORDER BY number

-- name: sizes
-- rows and bytes of tables, partitions with their parents
SELECT coalesce(p.relname, c.relname) AS table, sum(c.reltuples)::bigint AS rows, sum(pg_total_relation_size(c.oid))::bigint AS bytes
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 3 DESC

-- name: alive
SELECT 1

-- name: refused
-- batches that were turned away since a moment, by reason; not those of simulated devices, which forge some to see it
SELECT detail ->> 'reason' AS reason, sum((detail ->> 'count')::bigint)::bigint AS count
  FROM audit_events WHERE act = 'batch.refused' AND at > $1 AND detail ->> 'simulated' IS NULL
 GROUP BY 1 ORDER BY 2 DESC LIMIT 5

-- name: fleet
-- how many devices there are; of those that are enrolled, how many were heard of since a moment, and how many were not, though
-- they were enrolled before it
SELECT count(*) FILTER (WHERE state = 'enrolled') AS enrolled, count(*) FILTER (WHERE state = 'revoked') AS revoked,
       count(*) FILTER (WHERE simulated) AS simulated,
       count(*) FILTER (WHERE state = 'enrolled' AND h.received > $1) AS reporting,
       count(*) FILTER (WHERE state = 'enrolled' AND coalesce(h.received, d.enrolled_at) <= $1) AS silent
  FROM devices d LEFT JOIN (SELECT device, max(received) AS received FROM journal_heads GROUP BY device) h ON h.device = d.device_id

-- name: enrolled
SELECT count(*) FROM devices WHERE state = 'enrolled'

-- name: health
-- the server's own settings, and how its clock and its partitions stand
SELECT clock_timestamp() AS now, current_setting('server_version_num')::int AS version, current_setting('server_version') AS server,
       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('max_connections')::int AS most, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
       to_regclass('journal_entries_' || to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD')) IS NOT NULL AS tomorrow,
       (SELECT max(now() - xact_start) FROM pg_stat_activity WHERE backend_type = 'client backend') AS oldest

-- name: line
-- whether somebody digests, how far behind, and what waits for a person
SELECT count(*) AS places, count(*) FILTER (WHERE c.leased_until > $1) AS held,
       max(s.received - c.received) FILTER (WHERE CASE c.lane WHEN 0 THEN s.live ELSE s.replay END > c.position AND c.position > 0) AS lag,
       (SELECT coalesce(sum(count), 0)::bigint FROM dead_letters WHERE state = 'open') AS dead_letters,
       (SELECT count(*) FROM journal_heads WHERE fork) AS forks,
       (SELECT count(*) FROM windows WHERE state = 'closed') AS windows,
       (SELECT max(received) FROM journal_shards) AS newest,
       (SELECT max(signed_at) FROM audit_heads) AS signed_at,
       coalesce((SELECT max(position) FROM audit_events), 0) - coalesce((SELECT max(position) FROM audit_heads), 0) AS unsigned
  FROM cursors c JOIN journal_shards s USING (shard) WHERE c.consumer = 'pipeline'

-- name: simulated
-- devices that do not exist
SELECT device_id FROM devices WHERE simulated ORDER BY device_id

-- name: real_devices
-- those that do
SELECT count(*) FROM devices WHERE NOT simulated

-- name: simulated_subjects
-- one id of each person who was on simulated devices, and on no other
SELECT min(m.user_id::text)::uuid AS subject FROM device_user_map m
  JOIN devices d USING (device_id) JOIN users u USING (user_id)
 WHERE u.erased_at IS NULL GROUP BY m.user_id HAVING bool_and(d.simulated) ORDER BY 1

-- name: kinds_of_fleet
-- how many devices are of each system, model and site; those that are turned away are not counted
SELECT kind, name, count(*) AS devices FROM (
  SELECT 'system' AS kind, nullif(concat_ws(' ', os_name, os_version), '') AS name FROM devices WHERE state = 'enrolled'
  UNION ALL SELECT 'model', nullif(concat_ws(' ', manufacturer, model), '') FROM devices WHERE state = 'enrolled'
  UNION ALL SELECT 'site', site FROM devices WHERE state = 'enrolled') AS said
 WHERE name IS NOT NULL GROUP BY kind, name
