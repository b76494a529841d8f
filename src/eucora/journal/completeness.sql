-- name: shards
-- into how many shards devices are laid
SELECT shards FROM platform

-- name: read_to_the_end
-- shards of which a consumer has read both lanes to their ends
SELECT s.shard FROM journal_shards s JOIN cursors c USING (shard)
 WHERE c.consumer = $1
 GROUP BY s.shard HAVING bool_and(c.position = CASE c.lane WHEN 0 THEN s.live ELSE s.replay END)

-- name: with_gaps
-- devices with a stream that has an open gap
SELECT DISTINCT device FROM journal_heads WHERE device = ANY ($1::uuid[]) AND gaps <> '[]'
