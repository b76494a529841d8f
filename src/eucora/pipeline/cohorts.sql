-- name: told_upto
-- the end of the last step that a follower was told
SELECT told_upto FROM followers WHERE follower = $1

-- name: live
-- up to when each live place is digested; null: everything that is there
SELECT c.shard, c.position, CASE WHEN c.position < s.live THEN c.received END AS upto
  FROM cursors c JOIN journal_shards s USING (shard) WHERE c.consumer = $1 AND c.lane = 0

-- name: closed_at
-- when the windows closed that end at these places: what lies before was received by then
SELECT max(w.closed_at) FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS p (shard, lane, position)
  JOIN windows w ON (w.ranges -> (p.shard || '/' || p.lane) ->> 1)::bigint = p.position
