-- name: place_of
-- where a batch came to stand
SELECT shard, lane, position FROM journal_digests WHERE stream = $1 AND sequence = $2

-- name: digested
-- up to where its place was digested
SELECT position FROM cursors WHERE consumer = 'pipeline' AND shard = $1 AND lane = $2

-- name: queryable_at
-- when its first hot row was committed, by PostgreSQL's own note where the server takes one; nothing once it is in files
SELECT min(CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN pg_xact_commit_timestamp(made) END)
  FROM (SELECT xmin AS made FROM hot_metrics WHERE shard = $1 AND lane = $2 AND position = $3
        UNION ALL SELECT xmin FROM hot_lines WHERE shard = $1 AND lane = $2 AND position = $3
        UNION ALL SELECT xmin FROM hot_spans WHERE shard = $1 AND lane = $2 AND position = $3) AS rows

-- name: rows
-- hot rows that were made of it
SELECT (SELECT count(*) FROM hot_metrics WHERE shard = $1 AND lane = $2 AND position = $3) AS metrics,
       (SELECT count(*) FROM hot_lines WHERE shard = $1 AND lane = $2 AND position = $3) AS lines,
       (SELECT count(*) FROM hot_spans WHERE shard = $1 AND lane = $2 AND position = $3) AS spans

-- name: window
-- in which window its rows lie; the open one has no ranges yet
SELECT "window", state, closed_at, sealed_at, dropped_at FROM windows
 WHERE (ranges -> ($1::smallint || '/' || $2::smallint) ->> 0)::bigint < $3
   AND (ranges -> ($1::smallint || '/' || $2::smallint) ->> 1)::bigint >= $3

-- name: segment
-- the segment that holds it, once its day is sealed
SELECT object, created_at FROM journal_segments WHERE shard = $1 AND lane = $2 AND first <= $3 AND last >= $3 AND expired_at IS NULL

-- name: letters
SELECT id, ordinal, reason, path, state FROM dead_letters WHERE shard = $1 AND lane = $2 AND position = $3 AND received = $4 ORDER BY ordinal

-- name: followers
-- each follower of the archive, and whether it was told
SELECT f.follower, c.position >= $3 AS told FROM followers f JOIN follower_cursors c USING (follower)
 WHERE f.follows = 'archive' AND c.shard = $1 AND c.lane = $2 ORDER BY f.follower
