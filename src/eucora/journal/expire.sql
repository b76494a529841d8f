-- name: expire
-- out of the readers' sight
SELECT segments, bytes, since, until FROM expire_segments($1, $2)

-- name: expired
-- taken already, their objects perhaps deleted
SELECT object FROM journal_segments WHERE expired_at IS NOT NULL ORDER BY until LIMIT $1

-- name: forget
-- whose objects are deleted
SELECT forget_segments($1)

-- name: oldest
SELECT min(since) FROM journal_segments WHERE expired_at IS NULL

-- name: oldest_digest
-- the day of the oldest digests
SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'journal_digests'::regclass
