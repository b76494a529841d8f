-- name: hold
-- one at a time, whoever it is
SELECT pg_try_advisory_lock(4711004)

-- name: let_go
SELECT pg_advisory_unlock(4711004)

-- name: closed
SELECT "window" FROM windows WHERE state = 'closed' ORDER BY "window"

-- name: seal
UPDATE windows SET state = 'sealed', sealed_at = clock_timestamp() WHERE "window" = $1 AND state = 'closed' RETURNING "window"

-- name: drop
SELECT drop_windows($1)

-- name: metrics
SELECT device, (extract(epoch FROM time) * 1000000)::bigint, (extract(epoch FROM received) * 1000000)::bigint,
       position, item, shard, lane, marks, shape, "values"
  FROM hot_metrics h
 WHERE "window" = $1
   AND NOT EXISTS (SELECT FROM archive_masks k
                    WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)

-- name: lines
SELECT device, (extract(epoch FROM time) * 1000000)::bigint, (extract(epoch FROM received) * 1000000)::bigint,
       position, item, shard, lane, marks, shape, id, CASE WHEN p IS NULL THEN subject END, count,
       CASE WHEN p IS NULL THEN text ELSE '' END, CASE WHEN p IS NULL THEN fields END
  FROM hot_lines h
  LEFT JOIN LATERAL (SELECT true FROM archive_masks k WHERE k.subject = h.subject LIMIT 1) AS erased (p) ON true
 WHERE "window" = $1
   AND NOT EXISTS (SELECT FROM archive_masks k
                    WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)

-- name: spans
SELECT device, (extract(epoch FROM time) * 1000000)::bigint, (extract(epoch FROM received) * 1000000)::bigint,
       position, item, shard, lane, marks, shape, encode(trace_id, 'hex'), encode(span_id, 'hex'),
       encode(parent_id, 'hex'), CASE WHEN p IS NULL THEN subject END, duration_s, status, CASE WHEN p IS NULL THEN attributes END
  FROM hot_spans h
  LEFT JOIN LATERAL (SELECT true FROM archive_masks k WHERE k.subject = h.subject LIMIT 1) AS erased (p) ON true
 WHERE "window" = $1
   AND NOT EXISTS (SELECT FROM archive_masks k
                    WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)
