-- name: tips
-- up to where each place was digested: what lies there is in the archive, or is nothing
SELECT shard, lane, position, received FROM cursors WHERE consumer = $1

-- name: sealed_with
-- sealed windows that hold some of these stretches of positions
SELECT DISTINCT w."window"
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) AS s (shard, lane, after, upto)
  JOIN windows w ON w.state = 'sealed' AND (w.ranges -> (s.shard || '/' || s.lane) ->> 0)::bigint < s.upto
                AND (w.ranges -> (s.shard || '/' || s.lane) ->> 1)::bigint > s.after

-- name: sealed_around
-- sealed windows that were open at one of these moments
SELECT DISTINCT w."window" FROM unnest($1::timestamptz[]) AS m (moment)
  JOIN windows w ON w.state = 'sealed' AND w.opened_at <= m.moment + $2 AND w.closed_at >= m.moment - $2

-- name: hot_metrics
-- hot rows of stretches of positions, live before replay
SELECT h.lane, h.shard, h.position, h.item, h.device, h.time, h.received, h.shape, h."values"
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) AS s (shard, lane, after, upto)
  JOIN hot_metrics h ON h.shard = s.shard AND h.lane = s.lane AND h.position > s.after AND h.position <= s.upto
                    AND h."window" = ANY ($5::integer[])
 ORDER BY h.lane, h.shard, h.position, h.item
 LIMIT $6

-- name: hot_lines
SELECT h.lane, h.shard, h.position, h.item, h.device, h.time, h.received, h.shape,
       h.marks, h.id, h.subject, h.count, h.text, h.fields
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) AS s (shard, lane, after, upto)
  JOIN hot_lines h ON h.shard = s.shard AND h.lane = s.lane AND h.position > s.after AND h.position <= s.upto
                  AND h."window" = ANY ($5::integer[])
 ORDER BY h.lane, h.shard, h.position, h.item
 LIMIT $6

-- name: hot_spans
SELECT h.lane, h.shard, h.position, h.item, h.device, h.time, h.received, h.shape,
       h.marks, h.trace_id, h.span_id, h.parent_id, h.subject, h.duration_s, h.status, h.attributes
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) AS s (shard, lane, after, upto)
  JOIN hot_spans h ON h.shard = s.shard AND h.lane = s.lane AND h.position > s.after AND h.position <= s.upto
                  AND h."window" = ANY ($5::integer[])
 ORDER BY h.lane, h.shard, h.position, h.item
 LIMIT $6

-- name: masked
-- what must not be seen of these devices
SELECT device, since, until FROM archive_masks WHERE device = ANY ($1::uuid[])
