-- name: keep
INSERT INTO traced (shard, lane, position, digest, received) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING

-- name: between
-- sampled batches in stretches of positions
SELECT t.digest FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) AS s (shard, lane, after, upto)
  JOIN traced t ON t.shard = s.shard AND t.lane = s.lane AND t.position > s.after AND t.position <= s.upto

-- name: forget
DELETE FROM traced WHERE (shard, lane, position) IN (SELECT shard, lane, position FROM traced WHERE received < $1 LIMIT $2)
