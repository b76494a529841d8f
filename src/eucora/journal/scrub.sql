-- name: passed
-- whether every consumer has read a shard up to these positions
SELECT NOT EXISTS (SELECT FROM cursors c WHERE c.shard = $1
                      AND c.position < CASE c.lane WHEN 0 THEN $2::bigint ELSE $3::bigint END)

-- name: hot
-- entries of some devices in one lane behind a position
SELECT shard, lane, position, epoch, received, device, stream, stream_number, sequence, subject, keyid, signed, sent, digest,
       verdict, key_no, body
  FROM journal_entries WHERE shard = $1 AND lane = $2 AND position > $3 AND device = ANY ($4::uuid[])
 ORDER BY position LIMIT $5

-- name: scrub
SELECT scrub_entries($1, $2, $3, $4)

-- name: segments
-- segments of a shard that may hold what an erasure up to $2 erases, asked for at $3 at the latest
SELECT object, digest FROM journal_segments
 WHERE shard = $1 AND erased < $2 AND expired_at IS NULL AND since <= $3 ORDER BY until DESC LIMIT $4

-- name: swap
SELECT swap_segment($1, $2, $3, $4, $5)

-- name: replaced
SELECT object FROM journal_replaced LIMIT $1

-- name: deleted
DELETE FROM journal_replaced WHERE object = $1

-- name: forget_key
SELECT forget_key($1)
