-- name: shards
-- into how many shards devices are laid
SELECT shards FROM platform

-- name: read_to_the_end
-- shards of which a consumer has read both lanes to their ends
SELECT s.shard FROM journal_shards s JOIN cursors c USING (shard)
 WHERE c.consumer = $1
 GROUP BY s.shard HAVING bool_and(c.position = CASE c.lane WHEN 0 THEN s.live ELSE s.replay END)

-- name: with_gaps
-- devices whose newest stream has an open gap; what a stream that was left still misses may never come
SELECT device FROM journal_heads AS h
 WHERE device = ANY ($1::uuid[]) AND gaps <> '[]'
   AND number = (SELECT max(number) FROM journal_heads AS all_of WHERE all_of.device = h.device)

-- name: tips_without_gap
-- of devices whose newest stream has no open gap, the last positions of their shard, as of one moment
SELECT n.device, s.live, s.replay FROM unnest($1::uuid[], $2::smallint[]) AS n (device, shard) JOIN journal_shards s USING (shard)
 WHERE NOT EXISTS (SELECT FROM journal_heads AS h WHERE h.device = n.device AND h.gaps <> '[]'
          AND h.number = (SELECT max(number) FROM journal_heads AS all_of WHERE all_of.device = n.device))

-- name: read_to
-- how far a consumer has read
SELECT shard, lane, position FROM cursors WHERE consumer = $1
