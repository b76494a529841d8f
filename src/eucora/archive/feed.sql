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
SELECT m.lane, m.shard, m.position, m.item, m.device, m.time, m.received, m.shape, m."values"
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) AS s (shard, lane, after, upto)
  JOIN hot_metrics m ON m.shard = s.shard AND m.lane = s.lane AND m.position > s.after AND m.position <= s.upto
                    AND m."window" = ANY ($5::integer[])
 ORDER BY m.lane, m.shard, m.position, m.item
 LIMIT $6

-- name: masked
-- what must not be seen of these devices
SELECT device, since, until FROM archive_masks WHERE device = ANY ($1::uuid[])
