-- name: lock_device
SELECT device_id FROM devices WHERE device_id = $1 FOR UPDATE

-- name: whole
-- the erasure of all of a device, when it was asked for already
SELECT mask FROM erasures WHERE device = $1 AND whole

-- name: same
-- the erasure of just this interval
SELECT mask FROM erasures WHERE device = $1 AND since = $2 AND until = $3

-- name: stand
-- how far a shard is; behind whoever appends
SELECT live, replay FROM journal_shards WHERE shard = $1 FOR SHARE

-- name: add
INSERT INTO erasures (mask, device, whole, since, until, asked_at, shard, live, replay)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: forget_device
SELECT forget_device($1)

-- name: forget_interval
SELECT forget_interval($1, $2, $3)

-- name: open
-- erasures that the journal still holds something of, shard by shard, oldest first
SELECT mask, device, whole, since, until, asked_at, shard, live, replay FROM erasures
 WHERE journal_at IS NULL ORDER BY shard, mask

-- name: journal_done
UPDATE erasures SET journal_at = $2 WHERE mask = $1 AND journal_at IS NULL

-- name: erasures
-- what was asked to be erased, newest first
SELECT m.mask, m.device, m.subject, m.since, m.until, m.at, m.done_at, e.whole, e.journal_at
  FROM archive_masks m LEFT JOIN erasures e USING (mask)
 WHERE ($1::bigint IS NULL OR m.mask < $1) ORDER BY m.mask DESC LIMIT $2

-- name: one
SELECT m.mask, m.device, m.subject, m.since, m.until, m.at, m.done_at, e.whole, e.journal_at
  FROM archive_masks m LEFT JOIN erasures e USING (mask) WHERE m.mask = $1

-- name: followers
-- what each follower did for some erasures
SELECT f.follower, m.mask, e.asked_at, e.left_there, e.forgotten_at, e.gone_by
  FROM followers f CROSS JOIN unnest($1::bigint[]) AS m (mask)
  LEFT JOIN follower_erasures e ON e.follower = f.follower AND e.mask = m.mask
 WHERE f.follows = 'archive' ORDER BY f.follower

-- name: work
-- how much there is to look through: current files, and segments
SELECT (SELECT count(*) FROM archive_files WHERE replaced_at IS NULL) AS files,
       (SELECT count(*) FROM journal_segments WHERE expired_at IS NULL) AS segments
