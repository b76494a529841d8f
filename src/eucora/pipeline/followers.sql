-- name: add
INSERT INTO followers (follower, follows) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: add_cursors
INSERT INTO follower_cursors (follower, shard, lane)
SELECT $1, shard, lane FROM journal_shards CROSS JOIN (VALUES (0), (1)) AS lanes (lane)
 WHERE $2 = 'archive' OR (shard, lane) = (0, 0) ON CONFLICT DO NOTHING

-- name: hold
-- mine, nobody's, or that of one who fell silent
UPDATE followers SET lease = $2, leased_until = clock_timestamp() + make_interval(secs => $3)
 WHERE follower = $1 AND (lease = $2 OR lease IS NULL OR leased_until < clock_timestamp())
RETURNING letters_at, paused_at IS NOT NULL AS paused

-- name: agains
SELECT shard, lane, position, upto, asked FROM follower_agains WHERE follower = $1

-- name: advance_again
-- and those that are done are gone
WITH moved AS (
  UPDATE follower_agains a SET position = m.new
    FROM unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[]) AS m (shard, lane, old, new)
   WHERE a.follower = $1 AND a.shard = m.shard AND a.lane = m.lane AND a.position = m.old AND m.new < a.upto
  RETURNING a.shard),
done AS (
  DELETE FROM follower_agains a USING unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[]) AS m (shard, lane, old, new)
   WHERE a.follower = $1 AND a.shard = m.shard AND a.lane = m.lane AND a.position = m.old AND m.new >= a.upto
  RETURNING a.shard)
SELECT shard FROM moved UNION ALL SELECT shard FROM done

-- name: lately
-- what was told before a server was away goes to it once more, beside what is new
INSERT INTO follower_agains AS a (follower, shard, lane, position, upto, asked)
SELECT $1, m.*, false FROM unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[]) AS m (shard, lane, position, upto)
 WHERE m.position < m.upto ORDER BY m.shard, m.lane
ON CONFLICT (follower, shard, lane) DO UPDATE
   SET position = least(a.position, EXCLUDED.position), upto = greatest(a.upto, EXCLUDED.upto), asked = a.asked OR EXCLUDED.asked

-- name: pause
UPDATE followers SET paused_at = coalesce(paused_at, $2) WHERE follower = $1 RETURNING follower

-- name: resume
UPDATE followers SET paused_at = NULL, retry_at = NULL WHERE follower = $1 RETURNING follower

-- name: again
-- from the windows that were open at a moment, to where the cursor stands; what was asked for before goes on from the earlier
INSERT INTO follower_agains AS a (follower, shard, lane, position, upto, asked)
SELECT c.follower, c.shard, c.lane, least(coalesce(before.upto, 0), c.position), c.position, true
  FROM follower_cursors c
  LEFT JOIN LATERAL (
    SELECT max((w.ranges -> (c.shard || '/' || c.lane) ->> 1)::bigint) AS upto FROM windows w
     WHERE w.closed_at <= $2 AND w.ranges ? (c.shard || '/' || c.lane)) before ON true
 WHERE c.follower = $1 AND coalesce(before.upto, 0) < c.position
ON CONFLICT (follower, shard, lane) DO UPDATE
   SET position = least(a.position, EXCLUDED.position), upto = greatest(a.upto, EXCLUDED.upto), asked = a.asked OR EXCLUDED.asked
RETURNING upto - position AS entries

-- name: again_audit
INSERT INTO follower_agains AS a (follower, shard, lane, position, upto, asked)
SELECT c.follower, c.shard, c.lane, before.position, c.position, true
  FROM follower_cursors c
 CROSS JOIN LATERAL (SELECT coalesce(max(position), 0) AS position FROM audit_events WHERE at < $2) before
 WHERE c.follower = $1 AND before.position < c.position
ON CONFLICT (follower, shard, lane) DO UPDATE
   SET position = least(a.position, EXCLUDED.position), upto = greatest(a.upto, EXCLUDED.upto), asked = a.asked OR EXCLUDED.asked
RETURNING upto - position AS entries

-- name: known
SELECT follows FROM followers WHERE follower = $1 FOR UPDATE

-- name: let_go
UPDATE followers SET lease = NULL, leased_until = NULL WHERE follower = $1 AND lease = $2

-- name: positions
SELECT shard, lane, position FROM follower_cursors WHERE follower = $1

-- name: tell
-- only while it is mine
UPDATE followers SET told = told + $3, merged = merged + $4, clamped = clamped + $5, rate_per_s = $6,
       told_at = clock_timestamp(), retry_at = NULL, letters_at = greatest(letters_at, $7::timestamptz),
       told_upto = greatest(told_upto, $8::timestamptz)
 WHERE follower = $1 AND lease = $2 RETURNING follower

-- name: advance
UPDATE follower_cursors AS c SET position = m.new, received = greatest(c.received, m.received)
  FROM unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[], $6::timestamptz[])
       AS m (shard, lane, old, new, received)
 WHERE c.follower = $1 AND c.shard = m.shard AND c.lane = m.lane AND c.position = m.old
RETURNING c.shard

-- name: refuse
-- a range a reason and day
INSERT INTO follower_refusals AS r (follower, reason, day, first, last, count) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (follower, reason, day) DO UPDATE
  SET first = least(r.first, EXCLUDED.first), last = greatest(r.last, EXCLUDED.last), count = r.count + EXCLUDED.count,
      noted_at = now()

-- name: failed
UPDATE followers SET retries = retries + 1, last_error = $2, last_error_at = clock_timestamp(),
       retry_at = clock_timestamp() + make_interval(secs => $3)
 WHERE follower = $1

-- name: letters
-- dead letters that were stored after all about here or later, oldest first
SELECT id, shard, lane, position, settled_at FROM dead_letters
 WHERE state IN ('replayed', 'mended') AND settled_at > $1 ORDER BY settled_at, id LIMIT $2

-- name: newest_erasure
SELECT coalesce(max(mask), 0) FROM follower_erasures WHERE follower = $1

-- name: to_forget
INSERT INTO follower_erasures (follower, mask, device, subject, since, until) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING

-- name: due
-- erasures that it was not asked for yet, or that left something some time ago
SELECT mask, device, subject, since, until FROM follower_erasures
 WHERE follower = $1 AND forgotten_at IS NULL
   AND (asked_at IS NULL OR asked_at < clock_timestamp() - make_interval(secs => $2))
 ORDER BY mask LIMIT $3

-- name: asked
-- what only retention can delete is not asked for again
UPDATE follower_erasures SET asked_at = clock_timestamp(), left_there = $3, gone_by = $4,
       forgotten_at = CASE WHEN $3::bigint = 0 OR $4::timestamptz IS NOT NULL THEN clock_timestamp() END
 WHERE follower = $1 AND mask = $2

-- name: followers
-- each follower with what waits before it
SELECT f.follower, f.told, f.merged, f.clamped, f.retries, f.rate_per_s, f.told_at, f.last_error, f.last_error_at,
       f.paused_at, CASE WHEN f.retry_at > clock_timestamp() - interval '1 minute' THEN f.retry_at END AS retry_at,
       (SELECT coalesce(sum(a.upto - a.position), 0)::bigint FROM follower_agains a WHERE a.follower = f.follower) AS again,
       coalesce(f.leased_until > clock_timestamp(), false) AS running, coalesce(a.waiting, w.waiting) AS waiting,
       coalesce(a.since, w.since) AS since, coalesce(a.upto, w.upto) AS upto,
       (SELECT count(*) FROM follower_erasures e WHERE e.follower = f.follower AND e.forgotten_at IS NULL) AS forgetting
  FROM followers f
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(greatest(d.position - c.position, 0)), 0)::bigint AS waiting,
           min(CASE c.position WHEN 0 THEN first.opened_at ELSE c.received END)
             FILTER (WHERE d.position > c.position) AS since,
           max(d.received) FILTER (WHERE d.position > c.position) AS upto
      FROM follower_cursors c JOIN cursors d ON d.consumer = $1 AND d.shard = c.shard AND d.lane = c.lane
      CROSS JOIN (SELECT min(opened_at) AS opened_at FROM windows) first
     WHERE c.follower = f.follower) w
  LEFT JOIN LATERAL (
    SELECT greatest(coalesce((SELECT max(position) FROM audit_events), 0) - c.position, 0) AS waiting,
           (SELECT at FROM audit_events e WHERE e.position > c.position ORDER BY e.position LIMIT 1) AS since,
           clock_timestamp() AS upto
      FROM follower_cursors c WHERE c.follower = f.follower AND c.shard = 0 AND c.lane = 0) a ON f.follows = 'audit'
 ORDER BY f.follower

-- name: refusals
SELECT follower, reason, day, first, last, count FROM follower_refusals ORDER BY follower, reason, day DESC
