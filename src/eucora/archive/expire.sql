-- name: expired
-- current files of which every row is older than these moments, the first by event, the second by arrival, and that may
-- still hold what $4 names; oldest first
SELECT f.kind, f.object, f.day, f.first, f.last, f.generation, f.rows, f.size, f.digest, f.since, f.until, f.masks, f.width
  FROM archive_files f JOIN windows w ON w."window" = f.last
 WHERE f.kind = $1 AND f.replaced_at IS NULL
   AND ($2::timestamptz IS NULL OR f.until < $2) AND ($3::timestamptz IS NULL OR w.closed_at < $3)
   AND ($4::text IS NULL OR $4 <> ALL (f.without))
 ORDER BY f.until, f.object LIMIT $5

-- name: go
-- files that nothing replaces
UPDATE archive_files SET replaced_at = clock_timestamp() WHERE object = ANY ($1::text[]) AND replaced_at IS NULL RETURNING file

-- name: without
-- files that hold no row of a class any more
UPDATE archive_files SET without = (SELECT without || $3::text FROM archive_files WHERE object = $2)
 WHERE object = ANY ($1::text[])

-- name: shapes_of_kinds
-- shapes of lines of some kinds
SELECT shape FROM shapes WHERE kind = 'lines' AND parts ->> 'kind' = ANY ($1::text[])
