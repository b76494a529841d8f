-- name: drop_month
-- the oldest month of dead letters or sessions that has expired as a whole
SELECT rows, since, until FROM drop_expired_month($1, $2)

-- name: forget_superseded
SELECT rows, since, until FROM forget_superseded($1, $2)

-- name: forget_incidents
SELECT rows, since, until FROM forget_incidents($1, $2)

-- name: behind
-- received by the slowest consumer that has something to read; null: nobody is behind
SELECT min(c.received) FROM cursors c JOIN journal_shards s USING (shard)
 WHERE c.position < CASE c.lane WHEN 0 THEN s.live ELSE s.replay END
