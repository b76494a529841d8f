-- name: lock_founding
-- two first starts at once found one platform
SELECT pg_advisory_xact_lock(4711000)

-- name: found
INSERT INTO platform (installation, shards) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: is_founded
SELECT EXISTS (SELECT FROM platform)

-- name: platform
SELECT installation, epoch, shards FROM platform

-- name: lay_shards
INSERT INTO journal_shards (shard) SELECT generate_series(0, $1::integer - 1) ON CONFLICT DO NOTHING

-- name: add_cursors
-- at the beginning, which is behind what retention took
INSERT INTO cursors (consumer, shard, lane, position)
SELECT $1, shard, lane, coalesce(f.position, 0)
  FROM journal_shards CROSS JOIN (VALUES (0), (1)) AS lanes (lane) LEFT JOIN journal_floors AS f USING (shard, lane)
ON CONFLICT DO NOTHING

-- name: keep_partitions
-- around today, and around the last received where the machine's clock was set back
SELECT keep_partitions(moment::date)
  FROM (SELECT clock_timestamp() UNION SELECT max(received) FROM journal_shards) AS moments (moment)
 WHERE moment >= statement_timestamp()

-- name: drop_digests
SELECT drop_digests($1)

-- name: fsync
SHOW fsync

-- name: open_first_window
SELECT open_window('{}') WHERE NOT EXISTS (SELECT FROM windows WHERE state = 'open')

-- name: register
INSERT INTO signers (keyid, device, algorithm, public_key) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: signer
SELECT device, state FROM signers WHERE keyid = $1

-- name: replace
UPDATE signers SET state = 'replaced', ended = clock_timestamp() WHERE keyid = $1 AND state = 'active'

-- name: revoke
-- under the shard's lock, so that no batch of the device is committed after the revocation
WITH locked AS (SELECT shard FROM journal_shards WHERE shard = $2 FOR UPDATE)
UPDATE signers SET state = 'revoked', ended = clock_timestamp()
 WHERE device = $1 AND state <> 'revoked' AND EXISTS (SELECT FROM locked)

-- name: signers
SELECT s.keyid, s.device, s.algorithm, s.public_key, s.state, coalesce(d.simulated, false)
  FROM signers s LEFT JOIN devices d ON d.device_id = s.device WHERE s.keyid = ANY($1::text[])

-- name: keys_of_owners
SELECT key_no, kind, owner, wrapped FROM journal_keys
  JOIN unnest($1::text[], $2::uuid[]) AS wanted (kind, owner) USING (kind, owner)

-- name: keys_by_number
SELECT key_no, kind, owner, wrapped FROM journal_keys WHERE key_no = ANY($1::bigint[])

-- name: make_keys
-- in one order everywhere, so that two makers never wait for each other; who comes second keeps the first's key
INSERT INTO journal_keys (kind, owner, wrapped_by, wrapped)
SELECT kind, owner, $3, wrapped FROM unnest($1::text[], $2::uuid[], $4::bytea[]) AS made (kind, owner, wrapped)
 ORDER BY kind, owner ON CONFLICT DO NOTHING

-- name: destroy_keys
-- one that was never made leaves its row too: so none is made later
INSERT INTO journal_keys (kind, owner, wrapped_by, wrapped, destroyed_at)
SELECT $1, owner, $3, NULL, clock_timestamp() FROM unnest($2::uuid[]) AS gone (owner) ORDER BY owner
ON CONFLICT (kind, owner) DO UPDATE SET wrapped = NULL, destroyed_at = clock_timestamp()
 WHERE journal_keys.destroyed_at IS NULL

-- name: destroyed_since
SELECT key_no, kind, owner FROM journal_keys
 WHERE destroyed_at > clock_timestamp() - make_interval(secs => $1)

-- name: claim
-- what is mine already, and what nobody holds; a row that a commit holds just now is passed over till next time
WITH free AS (
  SELECT shard, lane FROM cursors
   WHERE consumer = $1 AND (lease = $2 OR lease IS NULL OR leased_until < clock_timestamp())
   ORDER BY lease = $2 DESC NULLS LAST, shard, lane LIMIT $4 FOR UPDATE SKIP LOCKED)
UPDATE cursors AS c SET lease = $2, leased_until = clock_timestamp() + make_interval(secs => $3)
  FROM free WHERE c.consumer = $1 AND c.shard = free.shard AND c.lane = free.lane
RETURNING c.shard, c.lane

-- name: renew
WITH mine AS (
  SELECT shard, lane FROM cursors WHERE consumer = $1 AND lease = $2 ORDER BY shard, lane FOR UPDATE)
UPDATE cursors AS c SET leased_until = clock_timestamp() + make_interval(secs => $3)
  FROM mine WHERE c.consumer = $1 AND c.shard = mine.shard AND c.lane = mine.lane
RETURNING c.shard, c.lane

-- name: release
WITH mine AS (
  SELECT shard, lane FROM cursors WHERE consumer = $1 AND lease = $2 ORDER BY shard, lane FOR UPDATE)
UPDATE cursors AS c SET lease = NULL, leased_until = NULL
  FROM mine WHERE c.consumer = $1 AND c.shard = mine.shard AND c.lane = mine.lane

-- name: advance
-- rows locked in ascending order; only those that stand where they should and are still mine
WITH moves AS (
  SELECT c.shard, c.lane, m.new, m.received
    FROM unnest($3::integer[], $4::integer[], $5::bigint[], $6::bigint[], $7::timestamptz[])
         AS m (shard, lane, old, new, received)
    JOIN cursors AS c ON c.consumer = $1 AND c.shard = m.shard AND c.lane = m.lane
                     AND c.position = m.old AND c.lease = $2
   ORDER BY c.shard, c.lane FOR UPDATE OF c)
UPDATE cursors AS c SET position = moves.new, received = greatest(c.received, moves.received)
  FROM moves WHERE c.consumer = $1 AND c.shard = moves.shard AND c.lane = moves.lane
               AND c.lease = $2 AND c.position < moves.new
RETURNING c.shard

-- name: positions
SELECT shard, lane, position FROM cursors WHERE consumer = $1

-- name: lags
SELECT c.shard, c.lane, CASE c.lane WHEN 0 THEN s.live ELSE s.replay END - c.position AS behind
  FROM cursors AS c JOIN journal_shards AS s USING (shard) WHERE c.consumer = $1

-- name: tips
SELECT shard, live, replay FROM journal_shards

-- name: lock_shards
SELECT shard, live, replay, received FROM journal_shards WHERE shard = ANY($1::smallint[]) ORDER BY shard FOR UPDATE

-- name: look_up
-- after the locks, so that what is read is the last word; the clock too
SELECT clock_timestamp() AS now, s.device AS signer, s.state, k.destroyed_at IS NOT NULL AS destroyed,
       h.device, h.number, h.last_sequence, h.last_digest, h.gaps, h.last_item, h.joins, h.fork, h.received, h.rewound
  FROM unnest($1::uuid[], $2::text[], $3::bigint[]) WITH ORDINALITY AS b (stream, keyid, key_no, n)
  LEFT JOIN journal_heads AS h ON h.stream = b.stream
  LEFT JOIN signers AS s ON s.keyid = b.keyid
  LEFT JOIN journal_keys AS k ON k.key_no = b.key_no
 ORDER BY b.n

-- name: siblings
SELECT device, stream, number, last_digest FROM journal_heads WHERE device = ANY($1::uuid[])

-- name: used
SELECT d.stream, d.sequence, d.digest, d.epoch, d.shard, d.lane, d.position, d.received
  FROM unnest($1::uuid[], $2::bigint[]) AS b (stream, sequence) JOIN journal_digests AS d USING (stream, sequence)

-- name: write_down
-- after the entries: digests of the sequences used now, the shards' positions, and the heads. Digests come as given,
-- not read back from the entries: a plan for that join made on an empty partition reads 70 rows for one, and is kept.
-- A stream's head stays with its device: fewer heads written than given means that another device took the stream.
WITH shards AS (
  UPDATE journal_shards AS s SET live = t.live, replay = t.replay, received = t.received
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS t (shard, live, replay, received)
   WHERE s.shard = t.shard
), digests AS (
  INSERT INTO journal_digests (stream, sequence, digest, epoch, shard, lane, position, received)
  SELECT d.stream, d.sequence, d.digest, $15::integer, d.shard, d.lane, d.position, t.received
    FROM unnest($16::uuid[], $17::bigint[], $18::bytea[], $19::smallint[], $20::smallint[], $21::bigint[])
         AS d (stream, sequence, digest, shard, lane, position)
    JOIN unnest($1::smallint[], $4::timestamptz[]) AS t (shard, received) USING (shard)
)
INSERT INTO journal_heads AS h
  (stream, device, number, last_sequence, last_digest, gaps, last_item, joins, fork, received)
SELECT * FROM unnest($5::uuid[], $6::uuid[], $7::integer[], $8::bigint[], $9::bytea[], $10::jsonb[], $11::bigint[],
                     $12::text[], $13::boolean[], $14::timestamptz[])
ON CONFLICT (stream) DO UPDATE
  SET last_sequence = EXCLUDED.last_sequence, last_digest = EXCLUDED.last_digest, gaps = EXCLUDED.gaps,
      last_item = EXCLUDED.last_item, joins = EXCLUDED.joins, fork = EXCLUDED.fork, received = EXCLUDED.received
  WHERE h.device = EXCLUDED.device

-- name: note_forks
-- what did not fit, and was not stored
INSERT INTO stream_forks (stream, device, sequence, boot, digest, seen_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::bytea[], $6::timestamptz[])
ON CONFLICT DO NOTHING

-- name: tips_beyond
-- places that hold something beyond what was read
SELECT w.shard, w.lane, t.tip
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS w (shard, lane, after)
  JOIN journal_shards AS s USING (shard)
  CROSS JOIN LATERAL (SELECT CASE w.lane WHEN 0 THEN s.live ELSE s.replay END) AS t (tip)
 WHERE t.tip > w.after ORDER BY w.lane, w.shard

-- name: read
-- `since` is when an entry at or before `after` was received: it lets PostgreSQL leave out older partitions.
-- Bodies are counted place by place in turn until $6 bytes are reached; their length is known without reading them.
SELECT shard, lane, position, epoch, received, device, stream, stream_number, sequence, subject,
       keyid, signed, sent, digest, verdict, key_no, body
  FROM (
    SELECT e.*, sum(octet_length(e.body)) OVER (
             ORDER BY e.lane, e.position - w.after, e.shard ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
      FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::timestamptz[])
           AS w (shard, lane, after, upto, since)
      CROSS JOIN LATERAL (
        SELECT * FROM journal_entries AS j
         WHERE j.shard = w.shard AND j.lane = w.lane AND j.position > w.after AND j.position <= w.upto
           AND j.received >= w.since
         ORDER BY j.position) AS e
  ) AS found
 WHERE coalesce(bytes_before, 0) < $6
 ORDER BY lane, shard, position
