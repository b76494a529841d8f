-- name: expire
-- out of the readers' sight
SELECT segments, bytes, since, until FROM expire_segments($1, $2)

-- name: expired
-- taken already, their objects perhaps deleted
SELECT object FROM journal_segments WHERE expired_at IS NOT NULL ORDER BY until LIMIT $1

-- name: forget
-- whose objects are deleted
SELECT forget_segments($1)
